// Who is admitted: decisions on ZeroMQ authentication requests (ZeroMQ RFC 27/ZAP). Pure.
#pragma once

#include <string>
#include <vector>

namespace distributor::link::detail {

struct ZapVerdict {
  bool answerable = false;  // false: not an authentication request; nobody waits for an answer
  bool admitted = false;
  std::string reason;  // of a refusal: names address and key
  std::vector<std::string> reply;
};

// `admitted_keys`: Z85.
ZapVerdict judge(const std::vector<std::string>& request, const std::string& domain,
                 const std::vector<std::string>& admitted_keys, const std::string& own_key = {});

}  // namespace distributor::link::detail
