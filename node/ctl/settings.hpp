// Where the API is and how to be admitted: from the command line, the environment, a file, in this order.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace distributor::ctl {

inline constexpr const char* kDefaultConfigFile = "/etc/distributor/ctl.toml";
inline constexpr const char* kDefaultAdminSocket = "/run/distributor/admin.sock";
inline constexpr std::uint16_t kDefaultPort = 9443;
inline constexpr std::chrono::seconds kDefaultTimeLimit{60};  // of a whole request

// What the command line, or the file, said; a member that neither said is empty.
struct Settings {
  std::optional<std::string> address;
  std::optional<std::uint16_t> port;
  std::optional<std::string> cert;         // PEM, client certificate
  std::optional<std::string> key;          // PEM; absent: in the file of cert
  std::optional<std::string> ca;           // PEM, CA of the server certificate
  std::optional<std::string> server_name;  // dNSName that the server certificate must have; absent: any of that CA
  std::optional<std::string> admin_socket;
  std::optional<std::uint32_t> timeout_s;
};

// What `first` does not say is taken from `second`.
Settings merged(Settings first, const Settings& second);

// TOML with the names of the members above as keys; an unknown key or a wrong type is an error that names it.
tl::expected<Settings, std::string> parse_settings(std::string_view toml);
// An absent file is an error only if `must_exist`.
tl::expected<Settings, std::string> load_settings(const std::filesystem::path& file, bool must_exist);

}  // namespace distributor::ctl
