// The query part of a target (RFC 3986 section 3.4), as name=value pairs joined by '&'.
#include <charconv>
#include <map>

#include "api/json/detail/fields.hpp"
#include "api/json/parse.hpp"

namespace distributor::api {
namespace {

using Query = std::map<std::string, std::string>;

constexpr std::size_t kQueryBytesMax = 1024;

ApiError invalid(ErrorCode code, std::string_view field, std::string message) {
  return ApiError{.code = code, .field = excerpt(field), .message = std::move(message), .fix = {}};
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      result += text[i];
      continue;
    }
    unsigned octet = 0;
    const auto digits = text.substr(i + 1, 2);
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), octet, 16);
    if (digits.size() != 2 || read.ec != std::errc{} || read.ptr != digits.data() + 2) return std::nullopt;
    result += static_cast<char>(octet);
    i += 2;
  }
  return result;
}

tl::expected<Query, ApiError> parse_query(std::string_view text, std::initializer_list<std::string_view> known) {
  if (text.size() > kQueryBytesMax) {
    return tl::unexpected(
        invalid(ErrorCode::request_too_large, "query",
                "wanted at most " + std::to_string(kQueryBytesMax) + " bytes, found " + std::to_string(text.size())));
  }
  Query query;
  while (!text.empty()) {
    const auto pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    const auto name = percent_decoded(pair.substr(0, equals));
    const auto value = percent_decoded(equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1));
    if (!name || !value) {
      return tl::unexpected(
          invalid(ErrorCode::invalid_field, pair, "wanted %XX with hexadecimal digits, found a bare %"));
    }
    bool is_known = false;
    std::string names;
    for (const auto one : known) {
      is_known = is_known || one == *name;
      names += (names.empty() ? "" : ", ") + std::string(one);
    }
    if (!is_known)
      return tl::unexpected(invalid(ErrorCode::unknown_field, *name, "wanted one of " + names + ", found this"));
    if (!query.emplace(*name, *value).second) {
      return tl::unexpected(invalid(ErrorCode::invalid_field, *name, "wanted once, found twice"));
    }
  }
  return query;
}

struct ProtocolName {
  std::string_view name;
  IpProtocol protocol;
};
constexpr ProtocolName kProtocols[] = {{"tcp", IpProtocol::tcp},
                                       {"udp", IpProtocol::udp},
                                       {"sctp", IpProtocol::sctp},
                                       {"icmp", IpProtocol::icmp},
                                       {"icmp6", IpProtocol::icmp6}};

}  // namespace

tl::expected<ClientFlow, ApiError> parse_flow(std::string_view text) {
  const auto query = parse_query(text, {"client", "port", "protocol"});
  if (!query) return tl::unexpected(query.error());
  ClientFlow flow;
  const auto client = query->find("client");
  if (client == query->end()) {
    return tl::unexpected(invalid(ErrorCode::invalid_field, "client", "wanted the client's IP address, found nothing"));
  }
  const auto address = IpAddress::parse(client->second);
  if (!address) return tl::unexpected(invalid(ErrorCode::invalid_field, "client", address.error().message));
  flow.client = *address;
  if (const auto port = query->find("port"); port != query->end()) {
    const auto& digits = port->second;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), flow.port);
    if (read.ec != std::errc{} || read.ptr != digits.data() + digits.size()) {
      return tl::unexpected(invalid(ErrorCode::invalid_field, "port",
                                    "wanted a whole number from 0 to 65535, found \"" + excerpt(digits) + "\""));
    }
  }
  if (const auto protocol = query->find("protocol"); protocol != query->end()) {
    for (const auto& one : kProtocols) {
      if (one.name == protocol->second) {
        flow.protocol = one.protocol;
        return flow;
      }
    }
    return tl::unexpected(invalid(ErrorCode::invalid_field, "protocol",
                                  "wanted tcp, udp, sctp, icmp or icmp6, found \"" + excerpt(protocol->second) + "\""));
  }
  return flow;
}

tl::expected<std::optional<LoadBalancerId>, ApiError> parse_after(std::string_view text) {
  const auto query = parse_query(text, {"after"});
  if (!query) return tl::unexpected(query.error());
  const auto after = query->find("after");
  if (after == query->end()) return std::optional<LoadBalancerId>{};
  const auto id = LoadBalancerId::parse(after->second);
  if (!id) return tl::unexpected(invalid(ErrorCode::invalid_field, "after", id.error().message));
  return std::optional<LoadBalancerId>{*id};
}

}  // namespace distributor::api
