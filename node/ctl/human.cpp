#include "node/ctl/human.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <optional>
#include <string_view>

namespace distributor::ctl {
namespace {

namespace json = boost::json;

constexpr json::parse_options kOptions{
    .max_depth = 16, .allow_comments = false, .allow_trailing_commas = false, .allow_invalid_utf8 = false};

std::optional<json::object> object_of(const std::string& body) {
  json::error_code error;
  auto value = json::parse(body, error, {}, kOptions);
  if (error || !value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

// A field as text; "-" if it is absent or null.
std::string text(const json::object& object, std::string_view name) {
  const auto* found = object.if_contains(json::string_view(name.data(), name.size()));
  if (found == nullptr || found->is_null()) return "-";
  if (const auto* string = found->if_string()) return {string->data(), string->size()};
  if (found->is_bool()) return found->get_bool() ? "yes" : "no";
  return json::serialize(*found);
}

const json::array& list(const json::object& object, std::string_view name) {
  static const json::array empty;
  const auto* found = object.if_contains(json::string_view(name.data(), name.size()));
  const auto* array = found == nullptr ? nullptr : found->if_array();
  return array == nullptr ? empty : *array;
}

std::string joined(const json::array& array) {
  std::string line;
  for (const auto& one : array) {
    if (!line.empty()) line += ' ';
    line += one.is_string() ? std::string(one.get_string()) : json::serialize(one);
  }
  return line.empty() ? "-" : line;
}

std::string padded(std::string column, std::size_t width) {
  column.resize(std::max(width, column.size() + 1), ' ');
  return column;
}

std::string amphora_lines(const json::array& amphorae) {
  std::string lines;
  for (const auto& one : amphorae) {
    const auto* amphora = one.if_object();
    if (amphora == nullptr) continue;
    lines += "  " + padded(text(*amphora, "position"), 5) + padded(text(*amphora, "mac_address"), 19) +
             padded(text(*amphora, "role"), 9) + padded(text(*amphora, "amphora_id"), 38);
    if (amphora->contains("packets"))
      lines += text(*amphora, "packets") + " packets, " + text(*amphora, "bytes") + " bytes";
    lines.erase(lines.find_last_not_of(' ') + 1);
    lines += '\n';
  }
  return lines;
}

// First, so that nobody takes what follows for what holds.
std::string stale_line(const json::object& answer) {
  return text(answer, "stale") == "-" ? "" : "MAY BE OLD     " + text(answer, "stale") + "\n";
}

std::string complete(const json::object& lb) {
  std::string lines = stale_line(lb) + "load balancer  " + text(lb, "lb_id") + "\n";
  if (lb.contains("vip_address")) {
    lines += "vip            " + text(lb, "vip_address") + " in " + text(lb, "subnet_cidr") + ", gateway " +
             text(lb, "gateway") + "\n";
  }
  for (const auto& vip : list(lb, "additional_vips")) {
    if (vip.is_object())
      lines += "and            " + text(vip.get_object(), "vip_address") + " in " +
               text(vip.get_object(), "subnet_cidr") + "\n";
  }
  for (const auto& node : list(lb, "nodes")) {
    if (!node.is_object()) continue;
    lines += "interface      " + text(node.get_object(), "mac_address") + " of node " +
             text(node.get_object(), "node_id") + ", vrrp_ip " + text(node.get_object(), "vrrp_ip") + "\n";
  }
  if (!list(lb, "nodes_missing_interface").empty()) {
    lines += "no interface   on node " + joined(list(lb, "nodes_missing_interface")) + "\n";
  }
  if (lb.contains("hash_seed")) {
    lines += "hashing        " + text(lb, "affinity") + ", seed " + text(lb, "hash_seed") + ", cluster size " +
             text(lb, "cluster_size") + "\n";
  }
  if (lb.contains("durability")) {
    lines += "change         changed " + text(lb, "changed") + ", durability " + text(lb, "durability") +
             ", programmed on " + joined(list(lb, "programmed")) + "\n";
  }
  if (lb.contains("packets"))
    lines += "traffic        " + text(lb, "packets") + " packets, " + text(lb, "bytes") + " bytes\n";
  if (!list(lb, "vacant_positions").empty()) lines += "vacant         " + joined(list(lb, "vacant_positions")) + "\n";
  return lines + amphora_lines(list(lb, "amphorae")) + amphora_lines(list(lb, "spares"));
}

std::string member_lines(const std::string& title, const json::object& node) {
  return title + text(node, "node_id") + ", version " + text(node, "version") + ", " + text(node, "role") + "\n" +
         "               leads " + text(node, "leads") + ", ready " + text(node, "ready") + ", answers for VIPs " +
         text(node, "gate_open") + ", Open vSwitch programmed " + text(node, "ovs_programmed") + "\n" +
         "               VIP links up " + text(node, "vip_links_up") + " of " + text(node, "vip_links_wanted") +
         ", seq: last " + text(node, "last_seq") + ", committed " + text(node, "committed_seq") + ", programmed " +
         text(node, "programmed_seq") + "\n" + "               state " + text(node, "state_digest") + "\n";
}

std::string lost_lines(const json::object& pair) {
  std::string lines = "lost changes   " + text(pair, "dropped_total") + "\n";
  for (const auto& one : list(pair, "dropped")) {
    if (!one.is_object()) continue;
    const auto& lost = one.get_object();
    lines += "               seq " + text(lost, "seq") + " " + text(lost, "change") + " of " + text(lost, "lb_id") +
             ": " + text(lost, "reason") + "\n";
  }
  return lines;
}

}  // namespace

std::string human_losses(const std::string& body) {
  const auto pair = object_of(body);
  if (!pair) return body + "\n";
  if (list(*pair, "dropped").empty()) return "no change was lost\n";
  return lost_lines(*pair) + "make them again if they are still wanted, then: distributorctl losses --acknowledge " + text(*pair, "dropped_mark") + "\n";
}

std::string human_diff(const std::string& body) {
  const auto answer = object_of(body);
  if (!answer) return body + "\n";
  std::string lines = text(*answer, "message") + "\n";
  if (text(*answer, "equal") == "yes") return lines;
  lines += "here           change " + text(*answer, "here_committed") + ", state " + text(*answer, "here") + "\n";
  lines += "peer           change " + text(*answer, "peer_committed") + ", state " + text(*answer, "peer") + "\n";
  for (const auto& one : list(*answer, "differences")) {
    if (one.is_object()) lines += "  " + text(one.get_object(), "lb_id") + "  " + text(one.get_object(), "where") + "\n";
  }
  return lines;
}

std::string human_load_balancer(const std::string& body) {
  const auto lb = object_of(body);
  return lb ? complete(*lb) : body + "\n";
}

std::string human_list(const std::string& body) {
  const auto answer = object_of(body);
  if (!answer) return body + "\n";
  std::string lines = stale_line(*answer);
  for (const auto& one : list(*answer, "loadbalancers")) {
    const auto* lb = one.if_object();
    if (lb == nullptr) continue;
    lines += padded(text(*lb, "lb_id"), 38) + padded(text(*lb, "vip_address"), 24) +
             std::to_string(list(*lb, "amphorae").size()) + " amphorae, " + std::to_string(list(*lb, "spares").size()) +
             " spare\n";
  }
  return lines + text(*answer, "total") + " load balancers\n";
}

std::string human_where(const std::string& body) {
  const auto answer = object_of(body);
  if (!answer) return body + "\n";
  if (text(*answer, "position") == "-")
    return stale_line(*answer) + text(*answer, "client") + ": no amphora, " + text(*answer, "reason") + "\n";
  return stale_line(*answer) + text(*answer, "client") + ": position " + text(*answer, "position") + ", " + text(*answer, "mac_address") +
         ", amphora " + text(*answer, "amphora_id") + "\n";
}

std::string human_pair(const std::string& body) {
  const auto pair = object_of(body);
  if (!pair) return body + "\n";
  std::string lines =
      "pair           " + text(*pair, "pair_id") + ", " + text(*pair, "phase") + ", term " + text(*pair, "term") + "\n";
  if (text(*pair, "entitled") == "no") lines += "may not own    " + text(*pair, "why_not") + "\n";
  if (text(*pair, "diverged") == "yes") lines += "DIVERGED       the nodes hold different states at the same seq\n";
  lines += "affinity       " + text(*pair, "affinity") +
           (text(*pair, "affinity_reason") == "-" ? "" : ": " + text(*pair, "affinity_reason")) + "\n";
  if (const auto* self = pair->if_contains("self"); self != nullptr && self->is_object()) {
    lines += member_lines("this node      ", self->get_object());
  }
  const auto* peer = pair->if_contains("peer");
  if (peer != nullptr && peer->is_object()) {
    lines += member_lines("peer           ", peer->get_object());
    lines +=
        "               connected " + text(*pair, "peer_connected") + ", alive " + text(*pair, "peer_alive") + "\n";
  } else {
    lines += text(*pair, "standalone") == "yes" ? "standalone     no peer is configured\n"
                                                : "peer           never heard of\n";
  }
  if (text(*pair, "maintenance") == "yes") lines += "MAINTENANCE    this node stays away from ownership; `distributorctl maintenance off` ends it\n";
  if (const auto* last = pair->if_contains("last_takeover"); last != nullptr && last->is_object()) {
    const auto& one = last->get_object();
    lines += "takeover       number " + text(one, "number") + (text(one, "planned") == "yes" ? ", planned" : "") + ": gate " + text(one, "gate_ms") + " ms, " +
             text(one, "announcements") + " announcements " + text(one, "announced_ms") + " ms, term " + text(one, "term_ms") + " ms, changes " +
             text(one, "writes_ms") + " ms\n";
  }
  if (const auto* last = pair->if_contains("last_switchover"); last != nullptr && last->is_object()) {
    const auto& one = last->get_object();
    lines += text(one, "completed") == "yes" ? "switchover     last one to " + text(one, "to") + ", moved after " + text(one, "moved_ms") + " ms\n"
                                             : "switchover     last one was called off: " + text(one, "reason") + "\n";
  }
  lines += lost_lines(*pair);
  return lines;
}

std::string human_error(unsigned status, const std::string& body) {
  const auto error = object_of(body);
  if (!error || !error->contains("details"))
    return "refused with status " + std::to_string(status) + ": " + body + "\n";
  return "refused (" + std::to_string(status) + ", " + text(*error, "error") + "): " + text(*error, "details") + "\n";
}

}  // namespace distributor::ctl
