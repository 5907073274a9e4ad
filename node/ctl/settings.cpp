#include "node/ctl/settings.hpp"

#include <toml++/toml.h>

#include <fstream>
#include <iterator>
#include <limits>

namespace distributor::ctl {
namespace {

template <typename T>
void fill(std::optional<T>& into, const std::optional<T>& from) {
  if (!into) into = from;
}

template <typename T>
std::optional<std::string> read_number(const toml::node& node, std::string_view name, std::optional<T>& into) {
  const auto number = node.value_exact<std::int64_t>();
  if (!number || *number < 1 || *number > std::int64_t{std::numeric_limits<T>::max()}) {
    return std::string(name) + ": wanted a whole number from 1 to " + std::to_string(std::numeric_limits<T>::max());
  }
  into = static_cast<T>(*number);
  return std::nullopt;
}

std::optional<std::string> read_text(const toml::node& node, std::string_view name, std::optional<std::string>& into) {
  into = node.value_exact<std::string>();
  if (into && !into->empty()) return std::nullopt;
  return std::string(name) + ": wanted a string that is not empty";
}

// The problem with it, if any.
std::optional<std::string> read_key(std::string_view name, const toml::node& node, Settings& settings) {
  if (name == "address") return read_text(node, name, settings.address);
  if (name == "port") return read_number(node, name, settings.port);
  if (name == "cert") return read_text(node, name, settings.cert);
  if (name == "key") return read_text(node, name, settings.key);
  if (name == "ca") return read_text(node, name, settings.ca);
  if (name == "server_name") return read_text(node, name, settings.server_name);
  if (name == "admin_socket") return read_text(node, name, settings.admin_socket);
  if (name == "timeout_s") return read_number(node, name, settings.timeout_s);
  return std::string(name) +
         ": wanted address, port, cert, key, ca, server_name, admin_socket or timeout_s, found this";
}

}  // namespace

Settings merged(Settings first, const Settings& second) {
  fill(first.address, second.address);
  fill(first.port, second.port);
  // A certificate of one place never goes with a key of another.
  if (!first.cert && !first.key) first.key = second.key;
  fill(first.cert, second.cert);
  fill(first.ca, second.ca);
  fill(first.server_name, second.server_name);
  fill(first.admin_socket, second.admin_socket);
  fill(first.timeout_s, second.timeout_s);
  return first;
}

tl::expected<Settings, std::string> parse_settings(std::string_view text) {
  toml::table table;
  try {
    table = toml::parse(text);
  } catch (const toml::parse_error& error) {
    return tl::unexpected("line " + std::to_string(error.source().begin.line) +
                          ": wanted TOML, found: " + std::string(error.description()));
  }
  Settings settings;
  for (const auto& [key, node] : table) {
    if (auto problem = read_key(key.str(), node, settings)) return tl::unexpected(std::move(*problem));
  }
  return settings;
}

tl::expected<Settings, std::string> load_settings(const std::filesystem::path& file, bool must_exist) {
  std::ifstream stream(file);
  if (!stream) {
    if (!must_exist) return Settings{};
    return tl::unexpected(file.string() + ": wanted a readable file");
  }
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  auto settings = parse_settings(text);
  if (!settings) return tl::unexpected(file.string() + ": " + settings.error());
  return settings;
}

}  // namespace distributor::ctl
