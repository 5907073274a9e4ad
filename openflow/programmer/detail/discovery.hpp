// What a connection begins with: asking to hear of others' changes (O5), and finding out what the datapath can do (D3,
// D9). Pure.
#pragma once

#include <cstdint>
#include <string>

#include "openflow/programmer/programmer.hpp"
#include "openflow/wire/message.hpp"

namespace distributor::programmer::detail {

class Discovery {
 public:
  static constexpr std::uint32_t kXids = 6;

  // Uses the xids first_xid .. first_xid + kXids - 1.
  explicit Discovery(std::uint32_t first_xid) : first_xid_(first_xid) {}

  std::string output() const;  // to be sent at once
  // True if the message belongs to it.
  bool on_message(const wire::Message& message);
  bool finished() const { return finished_; }
  const Capabilities& capabilities() const { return capabilities_; }

 private:
  std::uint32_t first_xid_;
  bool finished_ = false;
  Capabilities capabilities_{.nd_fields = true, .watched = true, .meters_max = 0};
};

}  // namespace distributor::programmer::detail
