#include "api/agent_config/agent_config.hpp"

#include <algorithm>
#include <charconv>

#include "api/agent_config/detail/ini.hpp"

namespace distributor::api {
namespace {

constexpr unsigned kIntervalSecondsMax = 3600;
constexpr std::size_t kQuotedBytesMax = 64;  // of a wrong value in a message

template <typename T>
std::optional<T> number(std::string_view text, T min, T max) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < min || value > max) return std::nullopt;
  return value;
}

// What stands in the file, one known key at a time.
class Reader {
 public:
  Reader(const std::vector<detail::IniEntry>& entries, std::vector<std::string>& problems) : entries_(entries), problems_(problems) {}

  // The last one counts, as for oslo.config. Empty counts as absent.
  const detail::IniEntry* find(std::string_view section, std::string_view key) const {
    const auto found = std::find_if(entries_.rbegin(), entries_.rend(), [&](const auto& one) { return one.section == section && one.key == key; });
    return found == entries_.rend() || found->value.empty() ? nullptr : &*found;
  }
  void problem(const detail::IniEntry& entry, const std::string& wanted, bool secret = false) {
    auto line = entry.section + "." + entry.key + " (line " + std::to_string(entry.line) + "): wanted " + wanted;
    if (!secret) line += ", found '" + entry.value.substr(0, kQuotedBytesMax) + "'";
    problems_.push_back(std::move(line));
  }
  std::optional<std::string> path(std::string_view key) {
    const auto* entry = find("amphora_agent", key);
    if (entry == nullptr) return std::nullopt;
    if (entry->value.front() != '/') problem(*entry, "an absolute path");
    return entry->value;
  }

 private:
  const std::vector<detail::IniEntry>& entries_;
  std::vector<std::string>& problems_;
};

void read_listener(Reader& reader, AgentConfig& config) {
  if (const auto* entry = reader.find("haproxy_amphora", "bind_host")) {
    if (auto address = IpAddress::parse(entry->value)) {
      config.bind_host = *address;
    } else {
      reader.problem(*entry, "an IPv4 or IPv6 address");
    }
  }
  if (const auto* entry = reader.find("haproxy_amphora", "bind_port")) {
    config.bind_port = number<std::uint16_t>(entry->value, 1, 65535);
    if (!config.bind_port) reader.problem(*entry, "a port from 1 to 65535");
  }
}

void read_controllers(Reader& reader, const detail::IniEntry& entry, AgentConfig& config) {
  std::vector<Controller> controllers;
  std::string_view rest = entry.value;
  while (!rest.empty()) {
    const auto end = rest.find_first_of(",\n");
    auto one = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    while (!one.empty() && one.front() == ' ') one.remove_prefix(1);
    while (!one.empty() && one.back() == ' ') one.remove_suffix(1);
    if (one.empty()) continue;
    auto controller = parse_controller(one);
    if (!controller) return reader.problem(entry, "ADDRESS:PORT, ADDRESS:PORT, ... (addresses, not names)");
    controllers.push_back(*controller);
  }
  if (controllers.size() > kControllersMax) return reader.problem(entry, "at most " + std::to_string(kControllersMax) + " controllers");
  config.controllers = std::move(controllers);
}

void read_heartbeat(Reader& reader, AgentConfig& config) {
  if (const auto* entry = reader.find("health_manager", "controller_ip_port_list")) read_controllers(reader, *entry, config);
  if (const auto* entry = reader.find("health_manager", "heartbeat_interval")) {
    if (auto seconds = number<unsigned>(entry->value, 1, kIntervalSecondsMax)) {
      config.heartbeat_interval = std::chrono::seconds(*seconds);
    } else {
      reader.problem(*entry, "whole seconds from 1 to " + std::to_string(kIntervalSecondsMax));
    }
  }
  if (const auto* entry = reader.find("health_manager", "heartbeat_key")) {
    if (entry->value.size() > kHeartbeatKeyBytesMax) reader.problem(*entry, "at most " + std::to_string(kHeartbeatKeyBytesMax) + " bytes", true);
    config.heartbeat_key = entry->value;
  }
}

}  // namespace

std::string Controller::text() const {
  return (address.is_v4() ? address.text() : "[" + address.text() + "]") + ":" + std::to_string(port);
}

std::optional<Controller> parse_controller(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  auto host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  const auto address = IpAddress::parse(host);
  const auto port = number<std::uint16_t>(text.substr(colon + 1), 1, 65535);
  if (!address || !port) return std::nullopt;
  return Controller{*address, *port};
}

tl::expected<AgentConfig, std::vector<std::string>> parse_agent_config(std::string_view ini) {
  std::vector<std::string> problems;
  if (ini.size() > kAgentConfigBytesMax) {
    problems.push_back("wanted at most " + std::to_string(kAgentConfigBytesMax) + " bytes, found " + std::to_string(ini.size()));
    return tl::unexpected(std::move(problems));
  }
  const auto entries = detail::parse_ini(ini);
  if (!entries) return tl::unexpected(std::vector<std::string>{entries.error()});
  AgentConfig config;
  Reader reader(*entries, problems);
  read_listener(reader, config);
  read_heartbeat(reader, config);
  config.agent_server_ca = reader.path("agent_server_ca");
  config.agent_server_cert = reader.path("agent_server_cert");
  if (const auto* entry = reader.find("amphora_agent", "amphora_id")) config.amphora_id = entry->value;
  if (!problems.empty()) return tl::unexpected(std::move(problems));
  return config;
}

}  // namespace distributor::api
