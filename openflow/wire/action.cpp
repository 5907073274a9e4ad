#include <algorithm>
#include <stdexcept>

#include "openflow/wire/detail/action_type.hpp"
#include "openflow/wire/detail/bytes.hpp"
#include "openflow/wire/rule.hpp"

namespace distributor::wire {
namespace {

using detail::put;
using detail::put_zeros;

std::span<const std::uint8_t> as_bytes(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// Type and length of an action; the length counts the whole, padding included.
std::string head(std::uint16_t type, std::uint16_t length) {
  std::string out;
  put<std::uint16_t>(out, type);
  put<std::uint16_t>(out, length);
  return out;
}

std::string output_to(std::uint32_t port, std::uint16_t max_len) {
  std::string out = head(detail::kOutput, 16);
  put<std::uint32_t>(out, port);
  put<std::uint16_t>(out, max_len);
  put_zeros(out, 6);
  return out;
}

std::string with_number(std::uint16_t type, std::uint32_t value) {
  std::string out = head(type, 8);
  put<std::uint32_t>(out, value);
  return out;
}

}  // namespace

Action Action::output(std::uint32_t port) {
  return Action(output_to(port, 0));
}
Action Action::in_port() {
  return output(kPortInPort);
}
Action Action::controller(std::uint16_t max_len) {
  return Action(output_to(kPortController, max_len));
}
Action Action::group(std::uint32_t group_id) {
  return Action(with_number(detail::kGroup, group_id));
}
Action Action::meter(std::uint32_t meter_id) {
  return Action(with_number(detail::kMeter, meter_id));
}

Action Action::resubmit_table(std::uint8_t table) {
  std::string out = head(detail::kExperimenter, 16);
  put<std::uint32_t>(out, detail::kNicira);
  put<std::uint16_t>(out, detail::kNiciraResubmitTable);
  put<std::uint16_t>(out, 0xfff8);  // in_port stays as it is
  put<std::uint8_t>(out, table);
  put_zeros(out, 3);
  return Action(std::move(out));
}

Action Action::push_vlan() {
  std::string out = head(detail::kPushVlan, 8);
  put<std::uint16_t>(out, 0x8100);
  put_zeros(out, 2);
  return Action(std::move(out));
}

Action Action::pop_vlan() {
  std::string out = head(detail::kPopVlan, 8);
  put_zeros(out, 4);
  return Action(std::move(out));
}

Action Action::set_vlan_vid(std::uint16_t vid) {
  if (vid > 4095) throw std::logic_error("wire::Action: VLAN id above 4095");
  return set(Field::vlan_vid, std::uint64_t{0x1000U} | vid);
}

Action Action::move(Field from, Field to) {
  const FieldInfo& source = info(from);
  const FieldInfo& target = info(to);
  if (source.bits != target.bits) throw std::logic_error("wire::Action::move: fields of unequal width");
  std::string out = head(detail::kCopyField, 24);
  put<std::uint16_t>(out, source.bits);
  put<std::uint16_t>(out, 0);  // source offset
  put<std::uint16_t>(out, 0);  // target offset
  put_zeros(out, 2);
  put<std::uint32_t>(out, source.header);
  put<std::uint32_t>(out, target.header);
  put_zeros(out, 4);
  return Action(std::move(out));
}

Action Action::set_field(Field field, std::span<const std::uint8_t> value) {
  const FieldInfo& its = info(field);
  if (value.size() != its.bytes)
    throw std::logic_error("wire::Action::set_field: wrong width for " + std::string(its.name));
  std::string out = head(detail::kSetField, static_cast<std::uint16_t>(detail::padded8(8U + its.bytes)));
  put<std::uint32_t>(out, its.header);
  detail::put_bytes(out, value);
  detail::pad_to(out, 8);
  return Action(std::move(out));
}

Action Action::set(Field field, const MacAddress& mac) {
  return set_field(field, mac.bytes());
}
Action Action::set(Field field, const IpAddress& address) {
  return set_field(field, std::span(address.bytes()).first(address.size()));
}
Action Action::set(Field field, std::uint64_t value) {
  std::string wide;
  put<std::uint64_t>(wide, value);
  const std::size_t bytes = info(field).bytes;
  if (bytes > 8 || (bytes < 8 && (value >> (bytes * 8)) != 0)) {
    throw std::logic_error("wire::Action::set: " + std::string(info(field).name) + " cannot hold this number");
  }
  return set_field(field, as_bytes(wide).subspan(8 - bytes));
}

Actions::Actions(std::initializer_list<Action> list) {
  for (const Action& action : list) add(action);
}

Actions& Actions::add(const Action& action) {
  bytes_ += action.bytes();
  return *this;
}

std::optional<Actions> Actions::from_bytes(std::string_view bytes) {
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const auto action = detail::first_action(rest);
    if (!action) return std::nullopt;
    rest.remove_prefix(action->whole.size());
  }
  Actions out;
  out.bytes_ = bytes;
  return out;
}

std::vector<std::uint32_t> Actions::groups() const {
  std::vector<std::uint32_t> out;
  for (std::string_view rest = bytes_; !rest.empty();) {
    const auto action = detail::first_action(rest);
    if (!action) break;
    if (action->type == detail::kGroup && action->whole.size() == 8) {
      detail::Reader reader(action->whole.substr(4));
      out.push_back(reader.get<std::uint32_t>());
    }
    rest.remove_prefix(action->whole.size());
  }
  return out;
}

}  // namespace distributor::wire
