#include "node/ctl/screen.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cmath>
#include <map>
#include <vector>

namespace distributor::ctl {
namespace {

namespace json = boost::json;

const json::object& object_in(const json::object& parent, std::string_view name) {
  static const json::object empty;
  const auto* found = parent.if_contains(name);
  return found != nullptr && found->is_object() ? found->get_object() : empty;
}

const json::array& array_in(const json::object& parent, std::string_view name) {
  static const json::array empty;
  const auto* found = parent.if_contains(name);
  return found != nullptr && found->is_array() ? found->get_array() : empty;
}

std::string text_in(const json::object& parent, std::string_view name, const char* otherwise = "-") {
  const auto* found = parent.if_contains(name);
  if (found == nullptr || found->is_null()) return otherwise;
  return found->is_string() ? std::string(found->get_string()) : json::serialize(*found);
}

double number_in(const json::object& parent, std::string_view name) {
  const auto* found = parent.if_contains(name);
  return found != nullptr && found->is_number() ? found->to_number<double>() : 0;
}

bool flag_in(const json::object& parent, std::string_view name) {
  const auto* found = parent.if_contains(name);
  return found != nullptr && found->is_bool() && found->get_bool();
}

std::string joined_vips(const json::object& lb) {
  std::string text;
  for (const auto& vip : array_in(lb, "vips")) {
    if (vip.is_string()) text += (text.empty() ? "" : " ") + std::string(vip.get_string());
  }
  return text.empty() ? "-" : text;
}

std::string member_line(const json::object& member, bool heard, bool own, const Style& style) {
  const auto role = heard ? text_in(member, "role") : "away";
  const bool owner = heard && flag_in(member, "gate_open");
  const auto does = !heard ? style.bad("not heard of") : owner ? style.good("answers for the VIPs") : flag_in(member, "ready") ? style.good("ready to take over") : style.warn("not ready");
  const auto programmed = flag_in(member, "ovs_programmed") ? std::string("programmed") : style.bad("behind");
  return fmt::format("{} {:<20} {:<10} {}, VIP links {}/{}, Open vSwitch {}, change {} on disk, {} programmed\n", own ? "*" : " ", text_in(member, "node_id"), role, does,
                     text_in(member, "vip_links_up", "0"), text_in(member, "vip_links_wanted", "0"), programmed, text_in(member, "committed_seq", "0"), text_in(member, "programmed_seq", "0"));
}

std::string concern_lines(const json::object& overview, const Style& style) {
  const auto& concerns = array_in(overview, "concerns");
  if (concerns.empty()) return style.good("all well") + "\n";
  std::string lines;
  for (const auto& one : concerns) {
    if (!one.is_object()) continue;
    const bool urgent = flag_in(one.get_object(), "urgent");
    lines += (urgent ? style.bad("PROBLEM ") : style.warn("note    ")) + text_in(one.get_object(), "text") + "\n";
  }
  return lines;
}

std::string pair_lines(const json::object& overview, const Style& style) {
  const auto& pair = object_in(overview, "pair");
  std::string lines = member_line(object_in(pair, "self"), true, true, style);
  if (flag_in(pair, "standalone")) return lines + "  standalone: no peer is configured\n";
  const auto* peer = pair.if_contains("peer");
  if (peer == nullptr || !peer->is_object()) return lines + "  " + style.bad("the peer was never heard of") + "\n";
  return lines + member_line(peer->get_object(), flag_in(pair, "peer_alive"), false, style);
}

std::string replication_line(const json::object& overview, const Style& style) {
  const auto& pair = object_in(overview, "pair");
  const auto& lag = object_in(overview, "replication_lag");
  const auto behind = number_in(lag, "entries");
  const auto lag_text = behind == 0 ? std::string("no lag") : style.warn(fmt::format("{:.0f} changes behind for {:.1f} s", behind, number_in(lag, "seconds")));
  return fmt::format("replication   {}, term {}, {}, {} changes lost\n", text_in(pair, "phase"), text_in(pair, "term"), lag_text, text_in(pair, "dropped_total", "0"));
}

// Of the newest takeover, also if ownership was given up since.
std::string stages_line(const json::array& changes) {
  for (const auto& one : changes) {
    const auto* takeover = one.is_object() ? one.get_object().if_contains("takeover") : nullptr;
    if (takeover == nullptr || !takeover->is_object()) continue;
    const auto& stages = takeover->get_object();
    const auto ms = [&](std::string_view stage) { return stages.contains(stage) && stages.at(stage).is_number() ? fmt::format("{:.1f} ms", number_in(stages, stage)) : std::string("never"); };
    return fmt::format("              gate {}, {} announcements {}, term on disk {}, changes taken {}\n", flag_in(stages, "planned") ? "open already" : ms("gate_ms"),
                       text_in(stages, "announcements", "0"), ms("announced_ms"), ms("term_ms"), ms("writes_ms"));
  }
  return {};
}

std::string takeover_line(const json::object& overview) {
  const auto& changes = array_in(overview, "ownership");
  if (changes.empty() || !changes.front().is_object()) return "last takeover none since this daemon started\n";
  const auto& last = changes.front().get_object();
  return "last takeover " + text_in(last, "utc") + " UTC: this node " + (flag_in(last, "gained") ? "took the VIPs over" : "gave the VIPs up") + "\n" + stages_line(changes);
}

std::string balancer_line(const json::object& lb, const Style& style) {
  std::string notes;
  if (number_in(lb, "vacant") > 0) notes += style.warn(", " + text_in(lb, "vacant") + " vacant");
  if (!flag_in(lb, "carried")) notes += style.bad(", no interface here");
  return fmt::format("  {}  {:<32} {} amphorae, {} spare{}, {} packets\n", text_in(lb, "lb_id"), joined_vips(lb), array_in(lb, "buckets").size(), text_in(lb, "spares", "0"), notes,
                     short_number(number_in(lb, "packets")));
}

double rate_of(double before, double now, double seconds) { return now >= before && seconds > 0 ? (now - before) / seconds : 0; }

// Characters that take a column: escape sequences and the continuation bytes of UTF-8 do not.
std::string clipped(const std::string& line, int columns) {
  std::string shown;
  int column = 0;
  bool escape = false, painted = false;
  for (const char c : line) {
    if (c == '\033') escape = painted = true;
    const bool visible = !escape && (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    if (visible && column == columns) break;
    column += visible ? 1 : 0;
    shown += c;
    if (escape && c == 'm') escape = false;
  }
  return painted ? shown + "\033[0m" : shown;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

std::string rate_lines(const json::object& lb, int bar_width, const Style& style) {
  const double total = number_in(lb, "packets_per_s");
  std::string lines = style.bold(joined_vips(lb)) + style.dim("  " + text_in(lb, "lb_id")) + fmt::format("  {} packets/s, {}B/s\n", short_number(total), short_number(number_in(lb, "bytes_per_s")));
  for (const auto& one : array_in(lb, "buckets")) {
    if (!one.is_object()) continue;
    const auto& bucket = one.get_object();
    const double rate = number_in(bucket, "packets_per_s");
    const double share = total > 0 ? rate / total : 0;
    lines += fmt::format("  {:>3} {} {} {:>7}/s {:>5.1f} %\n", text_in(bucket, "position"), text_in(bucket, "mac_address"), style.good(bar(share, bar_width)), short_number(rate), 100 * share);
  }
  return lines;
}

}  // namespace

std::string short_number(double value) {
  static constexpr std::array<const char*, 5> kUnits{"", "k", "M", "G", "T"};
  std::size_t unit = 0;
  for (; value >= 1000 && unit + 1 < kUnits.size(); ++unit) value /= 1000;
  return unit == 0 ? fmt::format("{:.0f}", value) : fmt::format("{:.1f}{}", value, kUnits[unit]);
}

std::string bar(double share, int width) {
  const auto full = static_cast<int>(std::lround(std::clamp(share, 0.0, 1.0) * width));
  return std::string(static_cast<std::size_t>(full), '#') + std::string(static_cast<std::size_t>(width - full), '.');
}

std::string status_screen(const json::object& overview, const Style& style) {
  constexpr std::size_t kBalancersListed = 10;
  const auto& pair = object_in(overview, "pair");
  const auto& ovs = object_in(overview, "open_vswitch");
  const auto& changes = object_in(overview, "changes");
  std::string text = style.bold("pair " + text_in(pair, "pair_id")) + ", as " + text_in(object_in(pair, "self"), "node_id") + " sees it\n" + concern_lines(overview, style) + "\n" +
                     pair_lines(overview, style) + "\n" + replication_line(overview, style) +
                     fmt::format("changes       {} on both disks, {} on this one only, since this daemon started\n", text_in(changes, "pair", "0"), text_in(changes, "local", "0")) +
                     fmt::format("open vswitch  {} rules repaired, last programming {:.1f} ms, affinity {}\n", text_in(ovs, "repairs", "0"), number_in(ovs, "programming_last_ms"), text_in(pair, "affinity")) +
                     takeover_line(overview) + fmt::format("\nload balancers {}\n", text_in(overview, "loadbalancers_total", "0"));
  std::size_t listed = 0;
  for (const auto& one : array_in(overview, "loadbalancers")) {
    if (listed == kBalancersListed) break;
    if (one.is_object()) text += balancer_line(one.get_object(), style);
    ++listed;
  }
  const auto total = static_cast<std::size_t>(number_in(overview, "loadbalancers_total"));
  if (total > listed) text += fmt::format("  {} more: distributorctl lb list\n", total - listed);
  return text;
}

void add_rates(const json::object& before, json::object& now) {
  const double seconds = (number_in(now, "unix_ms") - number_in(before, "unix_ms")) / 1000.0;
  std::map<std::string, const json::object*> known;
  for (const auto& one : array_in(before, "loadbalancers")) {
    if (!one.is_object()) continue;
    const auto id = text_in(one.get_object(), "lb_id");
    known[id] = &one.get_object();
    for (const auto& bucket : array_in(one.get_object(), "buckets")) {
      if (bucket.is_object()) known[id + "/" + text_in(bucket.get_object(), "position")] = &bucket.get_object();
    }
  }
  const auto add = [&known, seconds](const std::string& key, json::object& to) {
    const auto found = known.find(key);
    for (const auto* what : {"packets", "bytes"}) {
      const double rate = found == known.end() ? 0 : rate_of(number_in(*found->second, what), number_in(to, what), seconds);
      to[std::string(what) + "_per_s"] = rate;
    }
  };
  auto* list = now.if_contains("loadbalancers");
  if (list == nullptr || !list->is_array()) return;
  for (auto& one : list->get_array()) {
    if (!one.is_object()) continue;
    const auto id = text_in(one.get_object(), "lb_id");
    add(id, one.get_object());
    auto* buckets = one.get_object().if_contains("buckets");
    if (buckets == nullptr || !buckets->is_array()) continue;
    for (auto& bucket : buckets->get_array()) {
      if (bucket.is_object()) add(id + "/" + text_in(bucket.get_object(), "position"), bucket.get_object());
    }
  }
}

std::string watch_screen(const json::object& overview, const Size& size, const Style& style) {
  const int bar_width = std::clamp(size.columns - 50, 5, 40);
  const auto when = static_cast<long>(number_in(overview, "unix_ms") / 1000) % 86400;
  std::string text = style.bold("distributor pair") + fmt::format("  {:02}:{:02}:{:02} UTC  ", when / 3600, when / 60 % 60, when % 60) + style.dim("q ends") + "\n" + pair_lines(overview, style) +
                     replication_line(overview, style) + takeover_line(overview) + concern_lines(overview, style) + "\n";
  // The busiest first: they are what is looked for.
  std::vector<const json::object*> balancers;
  for (const auto& one : array_in(overview, "loadbalancers")) {
    if (one.is_object()) balancers.push_back(&one.get_object());
  }
  std::stable_sort(balancers.begin(), balancers.end(), [](const auto* a, const auto* b) { return number_in(*a, "packets_per_s") > number_in(*b, "packets_per_s"); });
  for (const auto* lb : balancers) text += rate_lines(*lb, bar_width, style);
  if (balancers.empty()) text += "no load balancer is plugged\n";
  auto lines = lines_of(text);
  const auto room = static_cast<std::size_t>(std::max(size.rows - 1, 1));
  if (lines.size() > room) {
    lines.resize(room);
    lines.back() = style.dim("... more than fits: make the window higher, or distributorctl status --json");
  }
  std::string screen;
  for (const auto& line : lines) screen += clipped(line, size.columns) + "\n";
  return screen;
}

}  // namespace distributor::ctl
