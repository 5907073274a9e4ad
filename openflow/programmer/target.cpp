#include "openflow/programmer/target.hpp"

#include <charconv>

#include "sync/registry/types.hpp"

namespace distributor::programmer {

std::string Target::text() const {
  if (kind == Kind::unix_socket) return path;
  const bool brackets = host.find(':') != std::string::npos;
  return (kind == Kind::tcp ? "tcp:" : "ssl:") + (brackets ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

tl::expected<Target, std::string> parse_target(std::string_view text) {
  const auto wrong = [&] {
    return tl::unexpected("wanted unix:PATH, tcp:IP[:PORT] or ssl:IP[:PORT] (IPv6 in brackets), found '" + std::string(text) + "'");
  };
  Target target;
  const auto kind = text.substr(0, text.find(':'));
  if (kind.size() == text.size()) return wrong();
  auto rest = text.substr(kind.size() + 1);
  if (kind == "unix") {
    if (rest.empty()) return wrong();
    target.path = rest;
    return target;
  }
  if (kind != "tcp" && kind != "ssl") return wrong();
  target.kind = kind == "tcp" ? Target::Kind::tcp : Target::Kind::tls;
  target.port = kOpenFlowPort;
  std::string_view host = rest.substr(0, rest.find(':'));
  if (rest.starts_with('[')) {
    const auto end = rest.find(']');
    if (end == std::string_view::npos) return wrong();
    host = rest.substr(1, end - 1);
    rest.remove_prefix(end + 1);
  } else {
    rest.remove_prefix(host.size());
  }
  const auto address = IpAddress::parse(std::string(host));
  if (!address) return wrong();
  target.host = host;
  if (rest.empty()) return target;
  const auto digits = rest.substr(1);
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), target.port);
  if (rest.front() != ':' || read.ec != std::errc{} || read.ptr != digits.data() + digits.size() || target.port == 0) return wrong();
  return target;
}

}  // namespace distributor::programmer
