#include "node/config/config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <toml++/toml.h>

#include "ha/keepalived/profile.hpp"

namespace distributor::node {
namespace {

constexpr std::uint16_t kAgentPort = 9443;  // of Octavia's agent, where its configuration names none

// Reads one table; collects every problem instead of stopping at the first, so that one run of --check-config shows all.
class TableReader {
 public:
  TableReader(const toml::table* table, std::string path, std::vector<std::string>& problems)
      : table_(table), path_(std::move(path)), problems_(problems) {}

  bool present() const { return table_ != nullptr; }

  TableReader child(std::string_view key, bool required) {
    known_.emplace(key);
    const auto* node = table_ != nullptr ? table_->get(key) : nullptr;
    if (node == nullptr) {
      if (required) problem(key, "this section is required");
      return {nullptr, name(key), problems_};
    }
    if (!node->is_table()) problem(key, "wanted a section [" + name(key) + "]");
    return {node->as_table(), name(key), problems_};
  }

  std::optional<std::string> text(std::string_view key) {
    const auto* node = find(key);
    if (node == nullptr) return std::nullopt;
    if (const auto* value = node->as_string(); value != nullptr && !value->get().empty()) return value->get();
    problem(key, "wanted a text that is not empty");
    return std::nullopt;
  }

  std::string required_text(std::string_view key) {
    auto value = text(key);
    if (!value && present() && find(key) == nullptr) problem(key, "is required");
    return value.value_or("");
  }

  template <typename T>
  T required(std::string_view key) {
    const auto raw = required_text(key);
    if (raw.empty()) return {};
    auto parsed = T::parse(raw);
    if (parsed) return *parsed;
    problem(key, parsed.error().message);
    return {};
  }

  std::int64_t integer(std::string_view key, std::int64_t fallback, std::int64_t low, std::int64_t high) {
    const auto* node = find(key);
    if (node == nullptr) return fallback;
    const auto* value = node->as_integer();
    if (value != nullptr && value->get() >= low && value->get() <= high) return value->get();
    problem(key, fmt::format("wanted a whole number from {} to {}", low, high));
    return fallback;
  }

  bool has(std::string_view key) { return find(key) != nullptr; }

  bool boolean(std::string_view key, bool fallback) {
    const auto* node = find(key);
    if (node == nullptr) return fallback;
    if (const auto* value = node->as_boolean(); value != nullptr) return value->get();
    problem(key, "wanted true or false");
    return fallback;
  }

  // A list of texts; a single text counts as a list of one.
  std::vector<std::string> texts(std::string_view key) {
    const auto* node = find(key);
    if (node == nullptr) return {};
    if (const auto* one = node->as_string(); one != nullptr) return {one->get()};
    std::vector<std::string> values;
    if (const auto* list = node->as_array(); list != nullptr) {
      for (const auto& item : *list) {
        if (const auto* value = item.as_string(); value != nullptr) values.push_back(value->get());
      }
      if (values.size() == list->size()) return values;
    }
    problem(key, "wanted a list of texts");
    return {};
  }

  void refuse_unknown() {
    if (table_ == nullptr) return;
    for (const auto& [key, node] : *table_) {
      const std::string text{key.str()};
      if (known_.contains(text)) continue;
      problems_.push_back(fmt::format("{}: unknown key (line {}); remove it or correct its name, known here: {}",
                                      name(text), node.source().begin.line, fmt::join(known_, ", ")));
    }
  }

  void problem(std::string_view key, std::string_view what) { problems_.push_back(fmt::format("{}: {}", name(key), what)); }

 private:
  const toml::node* find(std::string_view key) {
    known_.emplace(key);
    return table_ != nullptr ? table_->get(key) : nullptr;
  }
  std::string name(std::string_view key) const { return path_.empty() ? std::string(key) : path_ + "." + std::string(key); }

  const toml::table* table_;
  std::string path_;
  std::vector<std::string>& problems_;
  std::set<std::string, std::less<>> known_;
};

std::optional<Endpoint> parse_endpoint(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  auto host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  const auto address = IpAddress::parse(host);
  const std::string digits{text.substr(colon + 1)};
  if (!address || digits.empty() || digits.size() > 5 || !std::all_of(digits.begin(), digits.end(), ::isdigit)) return std::nullopt;
  const auto port = std::stoul(digits);
  if (port == 0 || port > 65535) return std::nullopt;
  return Endpoint{*address, static_cast<std::uint16_t>(port)};
}

void path_or(TableReader& table, std::string_view key, std::filesystem::path& target) {
  if (auto value = table.text(key)) {
    if (value->front() != '/') table.problem(key, "wanted an absolute path, found '" + *value + "'");
    target = *value;
  }
}

// What Octavia injected, if it did; what distributord.toml does not say is taken from it.
void read_octavia(TableReader table, const ReadAgentConfig& read, OctaviaConfig& octavia) {
  path_or(table, "config", octavia.config);
  table.refuse_unknown();
  if (!read) return;
  const auto found = read(octavia.config);
  if (!found) return table.problem("config", octavia.config.string() + ": " + found.error());
  if (!*found) return;
  auto agent = api::parse_agent_config(**found);
  if (agent) {
    octavia.agent = std::move(*agent);
    return;
  }
  for (const auto& one : agent.error()) table.problem("config", octavia.config.string() + ": " + one);
}

void read_heartbeat(TableReader table, HeartbeatConfig& heartbeat) {
  for (const auto& text : table.texts("controllers")) {
    if (auto controller = api::parse_controller(text)) {
      heartbeat.controllers.push_back(*controller);
    } else {
      table.problem("controllers", "wanted ADDRESS:PORT like 192.0.2.1:5556 or [2001:db8::1]:5556, found '" + text + "'");
    }
  }
  if (heartbeat.controllers.size() > api::kControllersMax) {
    table.problem("controllers", fmt::format("wanted at most {}, found {}", api::kControllersMax, heartbeat.controllers.size()));
  }
  heartbeat.key = table.text("key");
  if (const auto seconds = table.integer("interval_s", 0, 1, 3600); seconds > 0) heartbeat.interval = std::chrono::seconds(seconds);
  heartbeat.receiver_port = static_cast<std::uint16_t>(table.integer("receiver_port", heartbeat.receiver_port, 1, 65535));
  table.refuse_unknown();
}

// "::" is both families for Octavia's agent, and IPv6 alone for a listener here.
std::vector<Endpoint> injected_listeners(const OctaviaConfig& octavia) {
  if (!octavia.agent || !octavia.agent->bind_host) return {};
  const auto port = octavia.agent->bind_port.value_or(kAgentPort);
  std::vector<Endpoint> result{{*octavia.agent->bind_host, port}};
  if (!result[0].address.is_v4() && result[0].address.is_unspecified()) result.push_back({IpAddress(), port});
  return result;
}

std::string injected(const OctaviaConfig& octavia, std::optional<std::string> api::AgentConfig::*field) {
  return octavia.agent ? ((*octavia.agent).*field).value_or("") : "";
}

// Required, unless Octavia injected it.
std::string text_or_injected(TableReader& table, std::string_view key, const std::string& fallback) {
  if (fallback.empty()) return table.required_text(key);
  return table.text(key).value_or(fallback);
}

void read_api(TableReader table, const OctaviaConfig& octavia, ApiConfig& api) {
  for (const auto& text : table.texts("listen")) {
    if (auto endpoint = parse_endpoint(text)) {
      api.listen.push_back(*endpoint);
    } else {
      table.problem("listen", "wanted ADDRESS:PORT like 0.0.0.0:9443 or [::]:9443, found '" + text + "'");
    }
  }
  if (api.listen.empty()) api.listen = injected_listeners(octavia);
  if (table.present() && api.listen.empty()) table.problem("listen", "wanted at least one ADDRESS:PORT");
  api.certificate = text_or_injected(table, "certificate", injected(octavia, &api::AgentConfig::agent_server_cert));
  api.client_ca = text_or_injected(table, "client_ca", injected(octavia, &api::AgentConfig::agent_server_ca));
  table.refuse_unknown();
}

void read_peer(TableReader table, const NodeId& own, std::optional<PeerConfig>& target) {
  if (!table.present()) return;
  PeerConfig peer;
  peer.node_id = table.required<NodeId>("node_id");
  if (peer.node_id == own && !own.text().empty()) table.problem("node_id", "is this node's own; give the other node's");
  peer.bind = table.required_text("bind");
  peer.connect = table.required_text("connect");
  peer.own_key = table.required_text("own_key");
  peer.peer_public = table.required_text("peer_public");
  table.refuse_unknown();
  target = std::move(peer);
}

void read_keepalived(TableReader table, std::optional<KeepalivedConfig>& target) {
  if (!table.present()) return;
  KeepalivedConfig config;
  config.interface = table.required_text("interface");
  config.router_id = static_cast<std::uint8_t>(table.integer("router_id", 51, 1, 255));
  config.own_address = table.required<IpAddress>("own_address");
  config.peer_address = table.required<IpAddress>("peer_address");
  const auto vip = table.required_text("management_vip");
  const auto slash = vip.find('/');
  const auto address = IpAddress::parse(vip.substr(0, slash));
  const auto prefix = IpPrefix::parse(vip);
  if (slash != std::string::npos && address && prefix) {
    config.management_vip = *address;
    config.management_prefix = prefix->length;
  } else if (!vip.empty()) {
    table.problem("management_vip", "wanted ADDRESS/LENGTH like 192.0.2.10/24, found '" + vip + "'");
  }
  config.profile = table.text("profile").value_or(config.profile);
  const auto* profile = keepalived::find_profile(config.profile);
  if (profile == nullptr) table.problem("profile", "wanted one of " + keepalived::profile_names() + ", found '" + config.profile + "'");
  const auto interval = profile != nullptr ? profile->advert_interval.count() : 100;
  config.advert_interval = std::chrono::milliseconds(table.integer("advert_interval_ms", interval, 20, 10'000));
  config.realtime = table.boolean("realtime", true);
  if (profile != nullptr && profile->real_time_needed && !config.realtime) {
    table.problem("realtime", "the profile " + config.profile + " needs true: without it a busy disk moves ownership");
  }
  if (const auto mac = table.text("peer_mac")) {
    if (auto parsed = MacAddress::parse(*mac)) {
      config.peer_mac = *parsed;
    } else {
      table.problem("peer_mac", parsed.error().message);
    }
  }
  path_or(table, "pid_file", config.pid_file);
  path_or(table, "json_dir", config.json_dir);
  table.refuse_unknown();
  target = std::move(config);
}

void read_openflow(TableReader table, OpenflowConfig& config) {
  config.bridge = table.text("bridge").value_or(config.bridge);
  if (config.bridge.size() > 15) table.problem("bridge", "wanted at most 15 characters: it is also an interface name");
  config.datapath_type = table.text("datapath_type").value_or(config.datapath_type);
  if (config.datapath_type != "system" && config.datapath_type != "netdev") {
    table.problem("datapath_type", "wanted \"system\" (kernel) or \"netdev\" (userspace), found '" + config.datapath_type + "'");
  }
  path_or(table, "ovsdb_socket", config.ovsdb_socket);
  path_or(table, "run_dir", config.run_dir);
  config.netns_prefix = table.text("netns_prefix").value_or(config.netns_prefix);
  if (const auto text = table.text("target")) {
    if (auto target = programmer::parse_target(*text)) {
      config.target = std::move(*target);
    } else {
      table.problem("target", target.error());
    }
  }
  config.target.tls = {table.text("certificate").value_or(""), table.text("private_key").value_or(""), table.text("ca").value_or("")};
  if (config.target.kind == programmer::Target::Kind::tls) {
    for (const char* key : {"certificate", "private_key", "ca"}) {
      if (!table.text(key)) table.problem(key, "is required with an ssl: target: the path of a PEM file");
    }
  }
  table.refuse_unknown();
}

void read_small_sections(TableReader& root, Config& config) {
  auto admin = root.child("admin", false);
  path_or(admin, "socket", config.admin_socket);
  admin.refuse_unknown();

  auto metrics = root.child("metrics", false);
  if (auto text = metrics.text("listen")) {
    config.metrics = parse_endpoint(*text);
    if (!config.metrics || !config.metrics->address.is_loopback()) {
      metrics.problem("listen", "wanted a loopback ADDRESS:PORT like 127.0.0.1:9464 (it is plain HTTP), found '" + *text + "'");
    }
  }
  config.metrics_series_max = static_cast<std::size_t>(metrics.integer("series_max", 4096, 0, 131'072));
  metrics.refuse_unknown();

  auto log = root.child("log", false);
  config.log.level = log.text("level").value_or("info");
  static const std::set<std::string> kLevels{"debug", "info", "warning", "error"};
  if (!kLevels.contains(config.log.level)) log.problem("level", fmt::format("wanted one of {}", fmt::join(kLevels, ", ")));
  const auto target = log.text("target").value_or("stderr");
  if (target != "stderr" && target != "journal") log.problem("target", "wanted \"stderr\" or \"journal\"");
  config.log.target = target == "journal" ? LogTarget::journal : LogTarget::stderr_text;
  log.refuse_unknown();

  auto replication = root.child("replication", false);
  const auto policy = replication.text("solo_policy").value_or("auto");
  if (policy != "auto" && policy != "strict") replication.problem("solo_policy", "wanted \"auto\" or \"strict\"");
  config.replication.solo_policy = policy == "strict" ? SoloChoice::strict : SoloChoice::automatic;
  config.replication.solo_after = std::chrono::milliseconds(replication.integer("solo_after_ms", 2000, 500, 60'000));
  replication.refuse_unknown();

  auto announce = root.child("announce", false);
  config.announce.rounds = static_cast<int>(announce.integer("rounds", 4, 1, 100));
  config.announce.interval = std::chrono::milliseconds(announce.integer("interval_ms", 500, 10, 60'000));
  config.announce.refresh = std::chrono::seconds(announce.integer("refresh_s", 5, 0, 3600));
  announce.refuse_unknown();

  auto limits_table = root.child("limits", false);
  const auto mode = limits_table.text("mode").value_or("shared");
  if (mode != "shared" && mode != "dedicated") limits_table.problem("mode", "wanted \"shared\" or \"dedicated\" (one load balancer), found '" + mode + "'");
  config.ceilings.dedicated = mode == "dedicated";
  config.ceilings.load_balancers_max = static_cast<std::size_t>(
      limits_table.integer("load_balancers_max", std::int64_t{limits::kLoadBalancersMax}, 1, std::int64_t{limits::kLoadBalancersMax}));
  config.ceilings.slots_max = static_cast<std::size_t>(
      limits_table.integer("slots_max", std::int64_t{limits::kSlotsMax}, 1, std::int64_t{limits::kSlotsMax}));
  if (config.ceilings.dedicated && limits_table.has("load_balancers_max")) limits_table.problem("load_balancers_max", "has no meaning with mode = \"dedicated\": remove it");
  limits_table.refuse_unknown();

  auto gatekeeper = root.child("gatekeeper", false);
  path_or(gatekeeper, "socket", config.gatekeeper.socket);
  config.gatekeeper.grace = std::chrono::milliseconds(gatekeeper.integer("grace_ms", 2000, 500, 60'000));
  gatekeeper.refuse_unknown();
}

}  // namespace

tl::expected<Config, ConfigError> parse_config(std::string_view toml, const ReadAgentConfig& read) {
  ConfigError error;
  toml::table document;
  try {
    document = toml::parse(toml);
  } catch (const toml::parse_error& failure) {
    error.problems.push_back(fmt::format("line {}, column {}: {}", failure.source().begin.line, failure.source().begin.column, failure.description()));
    return tl::make_unexpected(std::move(error));
  }
  Config config;
  TableReader root(&document, "", error.problems);
  config.node_id = root.required<NodeId>("node_id");
  read_octavia(root.child("octavia", false), read, config.octavia);
  config.pair_id = text_or_injected(root, "pair_id", injected(config.octavia, &api::AgentConfig::amphora_id));
  path_or(root, "run_dir", config.run_dir);
  path_or(root, "state_dir", config.state_dir);
  config.admin_socket = config.run_dir / "admin.sock";
  config.gatekeeper.socket = config.run_dir / "gatekeeper.sock";
  const bool all_injected = config.octavia.agent && config.octavia.agent->agent_server_cert && config.octavia.agent->agent_server_ca && config.octavia.agent->bind_host;
  read_api(root.child("api", !all_injected), config.octavia, config.api);
  read_heartbeat(root.child("heartbeat", false), config.heartbeat);
  read_small_sections(root, config);
  read_openflow(root.child("openflow", false), config.openflow);
  read_peer(root.child("peer", false), config.node_id, config.peer);
  read_keepalived(root.child("keepalived", false), config.keepalived);
  root.refuse_unknown();
  if (config.peer && !config.keepalived) error.problems.emplace_back("keepalived: a pair needs this section: without it both nodes would answer for every VIP");
  if (config.keepalived && !config.peer) error.problems.emplace_back("peer: [keepalived] without [peer] has nobody to elect; remove it for a standalone node");
  if (!error.problems.empty()) return tl::make_unexpected(std::move(error));
  return config;
}

namespace {

// Absent is no fault: then nothing was injected. Whatever else keeps it from being read would drop settings in silence.
tl::expected<std::optional<std::string>, std::string> read_agent_config(const std::filesystem::path& file) {
  errno = 0;
  std::ifstream input(file);
  if (!input && (errno == ENOENT || errno == ENOTDIR)) return std::nullopt;
  if (input) input.peek();  // a folder opens, and cannot be read
  if (!input.is_open() || input.bad()) {
    return tl::unexpected(std::string("it is there and cannot be read: ") + std::strerror(errno) + "; make it readable for the user of this daemon");
  }
  std::ostringstream content;
  content << input.rdbuf();
  return content.str();
}

}  // namespace

tl::expected<Config, ConfigError> load_config(const std::filesystem::path& file) {
  std::ifstream input(file);
  if (!input) return tl::make_unexpected(ConfigError{{fmt::format("{}: cannot be read: {}", file.string(), std::strerror(errno))}});
  std::ostringstream text;
  text << input.rdbuf();
  return parse_config(text.str(), read_agent_config);
}

}  // namespace distributor::node
