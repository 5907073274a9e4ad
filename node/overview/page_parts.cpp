#include "node/overview/page_parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace distributor::node::page {
namespace {

constexpr std::size_t kBucketsOpenMax = 16;  // further ones are folded away

struct Box {
  int x;
  const api::MemberView* member;
  bool heard;
  bool own;
};

const char* role_color(const api::MemberView& member, bool heard) {
  if (!heard) return "var(--bad)";
  if (member.gate_open) return "var(--good)";
  return member.ready ? "var(--bar)" : "var(--warn)";
}

std::string what_it_does(const api::MemberView& member, bool heard) {
  if (!heard) return "not heard of; this was its last word:";
  if (member.gate_open) return "answers for the VIPs";
  return member.ready ? "ready to take over" : "not ready to take over";
}

std::string node_box(const Box& box) {
  const auto* color = role_color(*box.member, box.heard);
  const auto& m = *box.member;
  return fmt::format(
      "<rect x=\"{0}\" y=\"96\" width=\"340\" height=\"132\" rx=\"8\" fill=\"var(--card)\" stroke=\"{1}\" stroke-width=\"3\"/>"
      "<text class=\"t\" x=\"{2}\" y=\"126\">{3}{4}</text>"
      "<text x=\"{2}\" y=\"150\" style=\"fill:{1}\">{5}: {6}</text>"
      "<text class=\"d\" x=\"{2}\" y=\"174\">VIP links {7} of {8}, Open vSwitch {9}</text>"
      "<text class=\"d\" x=\"{2}\" y=\"196\">change {10} on disk, {11} programmed</text>"
      "<text class=\"d\" x=\"{2}\" y=\"216\">state {12}</text>",
      box.x, color, box.x + 16, html_escaped(m.node.text()), box.own ? " (this node)" : "", html_escaped(box.heard ? m.role : "away"), what_it_does(m, box.heard),
      m.vip_links_up, m.vip_links_wanted, m.ovs_programmed ? "programmed" : "behind", m.committed.value, m.programmed.value, m.state_digest.hex().substr(0, 12));
}

std::string owner_arrow(int node_x, bool solid) {
  const int center = node_x + 170;
  return fmt::format("<path d=\"M500 46 C500 76 {0} 56 {0} 92\" fill=\"none\" stroke=\"{1}\" stroke-width=\"{2}\"{3}/>", center, solid ? "var(--good)" : "var(--line)", solid ? 4 : 2,
                     solid ? "" : " stroke-dasharray=\"5 5\"");
}

std::string link_line(const Overview& overview) {
  const auto& pair = overview.pair;
  const bool up = pair.peer_alive;
  const bool equal = up && pair.peer && pair.peer->state_digest == pair.self.state_digest;
  const std::string below = !up ? "no contact" : overview.lag_entries > 0 ? fmt::format("{} changes behind", overview.lag_entries) : equal ? "in sync" : "catching up";
  return fmt::format("<line x1=\"372\" y1=\"162\" x2=\"628\" y2=\"162\" stroke=\"{0}\" stroke-width=\"4\"{1}/>"
                     "<text x=\"500\" y=\"150\" text-anchor=\"middle\">{2}</text><text class=\"d\" x=\"500\" y=\"184\" text-anchor=\"middle\">{3}</text>",
                     up ? "var(--good)" : "var(--bad)", up ? "" : " stroke-dasharray=\"8 6\"", html_escaped(below), html_escaped("replication: " + pair.phase));
}

std::string fact(const std::string& name, const std::string& value) { return "<div><dt>" + name + "</dt><dd>" + html_escaped(value) + "</dd></div>"; }

std::string bucket_row(const BucketLine& bucket, std::uint64_t total) {
  const double share = total == 0 ? 0 : 100.0 * static_cast<double>(bucket.packets) / static_cast<double>(total);
  return fmt::format("<tr><td class=\"n\">{}</td><td class=\"mono\">{}</td><td class=\"mono dim\">{}</td><td class=\"share\"><div class=\"track\"><div class=\"fill\" style=\"width:{:.1f}%\"></div></div></td>"
                     "<td class=\"n\">{:.1f} %</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
                     bucket.position.value, bucket.mac.text(), html_escaped(bucket.amphora_id.substr(0, 13)), share, share, number(bucket.packets), bytes(bucket.bytes));
}

std::string stage_cells(const OwnershipChange& change) {
  if (!change.takeover) return "<td colspan=\"4\"></td>";
  const auto& one = *change.takeover;
  const auto cell = [](const std::string& text) { return "<td class=\"n\">" + text + "</td>"; };
  const auto ms = [](const std::optional<double>& time) { return time ? fmt::format("{:.1f} ms", *time) : std::string("never"); };
  return cell(one.planned ? "already" : ms(one.gate_ms)) + cell(fmt::format("{}, {}", one.announcements, ms(one.announced_ms))) + cell(ms(one.term_ms)) + cell(ms(one.writes_ms));
}

constexpr const char* kBucketHead =
    "<table><tr><th class=\"n\">position</th><th>MAC</th><th>amphora</th><th>share of packets</th><th></th><th class=\"n\">packets</th><th class=\"n\">bytes</th></tr>";

std::string balancer_card(const BalancerLine& lb) {
  std::string vips;
  for (const auto& vip : lb.vips) vips += (vips.empty() ? "" : ", ") + html_escaped(vip);
  std::string html = "<div class=\"card\"><div class=\"lb\"><h3>" + vips + "</h3><span class=\"mono dim\">" + lb.id.text() + "</span><span class=\"tag\">" + html_escaped(lb.affinity) + "</span>";
  if (lb.spares > 0) html += fmt::format("<span class=\"tag\">{} spare</span>", lb.spares);
  if (lb.vacant > 0) html += fmt::format("<span class=\"tag bad\">{} vacant</span>", lb.vacant);
  if (!lb.carried) html += "<span class=\"tag bad\">no interface on this node</span>";
  html += "<span class=\"dim small\">" + number(lb.packets) + " packets, " + bytes(lb.bytes) + "</span></div>";
  if (lb.buckets.empty()) return html + "<span class=\"dim\">No amphora is registered: frames are dropped.</span></div>";
  html += kBucketHead;
  for (std::size_t i = 0; i < lb.buckets.size(); ++i) {
    if (i == kBucketsOpenMax) html += fmt::format("</table><details><summary>{} more positions</summary>", lb.buckets.size() - i) + kBucketHead;
    html += bucket_row(lb.buckets[i], lb.packets);
  }
  return html + "</table>" + (lb.buckets.size() > kBucketsOpenMax ? "</details>" : "") + "</div>";
}

}  // namespace

std::string number(std::uint64_t value) {
  auto digits = std::to_string(value);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
  return digits;
}

std::string bytes(std::uint64_t value) {
  static constexpr std::array<const char*, 6> kUnits{"B", "kB", "MB", "GB", "TB", "PB"};
  auto scaled = static_cast<double>(value);
  std::size_t unit = 0;
  for (; scaled >= 1000 && unit + 1 < kUnits.size(); ++unit) scaled /= 1000;
  return unit == 0 ? fmt::format("{} B", value) : fmt::format("{:.1f} {}", scaled, kUnits[unit]);
}

std::string pair_picture(const Overview& overview) {
  const auto& pair = overview.pair;
  std::string svg = "<svg viewBox=\"0 0 1000 244\" role=\"img\" aria-label=\"The pair: who answers for the VIPs, and replication\">"
                    "<rect x=\"380\" y=\"10\" width=\"240\" height=\"36\" rx=\"18\" fill=\"var(--track)\"/><text x=\"500\" y=\"34\" text-anchor=\"middle\">clients and gateways</text>";
  if (pair.standalone) {
    return svg + owner_arrow(330, pair.self.gate_open) + node_box({330, &pair.self, true, true}) + "</svg>";
  }
  api::MemberView unknown;
  const auto& peer = pair.peer ? *pair.peer : unknown;
  const bool own_first = !pair.peer || pair.self.node < peer.node;
  const int own_x = own_first ? 30 : 630;
  const int peer_x = own_first ? 630 : 30;
  svg += owner_arrow(own_x, pair.self.gate_open) + owner_arrow(peer_x, pair.peer_alive && peer.gate_open);
  svg += link_line(overview) + node_box({own_x, &pair.self, true, true}) + node_box({peer_x, &peer, pair.peer_alive, false});
  return svg + "</svg>";
}

std::string facts(const Overview& overview) {
  const auto& pair = overview.pair;
  std::string html = "<div class=\"card\"><dl>";
  html += fact("pair", pair.pair_id) + fact("replication", pair.phase + fmt::format(", term {}", pair.self.term.value));
  html += fact("replication lag", overview.lag_entries == 0 ? "none" : fmt::format("{} changes, for {:.1f} s", overview.lag_entries, overview.lag_s));
  html += fact("changes since start", fmt::format("{} on both disks, {} on this one only", overview.changes_pair, overview.changes_local));
  html += fact("lost changes", pair.dropped.empty() ? "none" : std::to_string(pair.dropped.size()));
  html += fact("affinity", pair.affinity_at_risk ? "at risk" : "equal on both nodes");
  html += fact("Open vSwitch", fmt::format("{} rules repaired, last programming {:.1f} ms", overview.repairs, overview.programming_last_ms));
  html += fact("readiness", overview.keepalived_used ? std::to_string(overview.readiness) + (overview.readiness_reason.empty() ? "" : ", " + overview.readiness_reason) : "standalone");
  html += fact("up for", fmt::format("{} h {} min", overview.node.uptime_s / 3600, overview.node.uptime_s / 60 % 60));
  return html + "</dl></div>";
}

std::string balancers(const Overview& overview) {
  std::string html = fmt::format("<h2>Load balancers ({})</h2>", overview.balancers.size());
  if (overview.balancers.empty()) return html + "<div class=\"card dim\">None is plugged.</div>";
  std::size_t shown = 0, buckets = 0;
  for (const auto& lb : overview.balancers) {
    buckets += lb.buckets.size();
    if (shown == kBalancersShownMax || buckets > kBucketsShownMax) break;
    html += balancer_card(lb);
    ++shown;
  }
  if (shown < overview.balancers.size()) html += fmt::format("<p class=\"dim\">{} more: distributorctl lb list</p>", overview.balancers.size() - shown);
  return html + "<p class=\"dim small\">Packets and bytes are those that this node forwarded since its rules were made.</p>";
}

std::string takeovers(const Overview& overview) {
  std::string html = "<h2>Last takeovers</h2><div class=\"card\">";
  if (overview.ownership.empty()) return html + "<span class=\"dim\">Ownership has not changed since the daemon started.</span></div>";
  html += "<table><tr><th>time (UTC)</th><th>what</th><th class=\"n\">gate open</th><th class=\"n\">announced</th><th class=\"n\">term on disk</th><th class=\"n\">changes taken</th></tr>";
  for (const auto& change : overview.ownership) {
    html += "<tr><td>" + utc_time(change.unix_ms) + "</td><td>" + html_escaped(overview.pair.self.node.text()) + (change.gained ? " took the VIPs over" : " gave the VIPs up") + "</td>" + stage_cells(change) + "</tr>";
  }
  return html + "</table><p class=\"dim small\">Times since keepalived's line was read.</p></div>";
}

}  // namespace distributor::node::page
