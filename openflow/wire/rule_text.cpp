// Rules as text, close to what ovs-ofctl writes: for logs and error messages only.
#include <algorithm>
#include <cstdio>

#include "openflow/wire/detail/action_type.hpp"
#include "openflow/wire/detail/oxm.hpp"
#include "openflow/wire/rule.hpp"

namespace distributor::wire {
namespace {

using detail::Reader;

std::string hex(std::string_view bytes) {
  std::string out = "0x";
  char digits[3];
  for (const char c : bytes) {
    std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned>(static_cast<std::uint8_t>(c)));
    out += digits;
  }
  return out;
}

std::uint64_t number(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes) value = value << 8U | static_cast<std::uint8_t>(c);
  return value;
}

std::string joined(std::string_view bytes, std::size_t group, const char* format, char separator) {
  std::string out;
  char part[8];
  for (std::size_t i = 0; i < bytes.size(); i += group) {
    if (i != 0) out += separator;
    std::snprintf(part, sizeof part, format, static_cast<unsigned>(number(bytes.substr(i, group))));
    out += part;
  }
  return out;
}

std::string value_text(Field field, std::string_view bytes) {
  switch (field) {
    case Field::ipv4_src:
    case Field::ipv4_dst:
    case Field::arp_spa:
    case Field::arp_tpa:
      return joined(bytes, 1, "%u", '.');
    case Field::ipv6_src:
    case Field::ipv6_dst:
    case Field::nd_target:
      return joined(bytes, 2, "%x", ':');
    case Field::eth_type:
    case Field::vlan_vid:
    case Field::ip_frag:
    case Field::nd_reserved:
      return hex(bytes);
    default:
      return info(field).bytes == 6 ? joined(bytes, 1, "%02x", ':') : std::to_string(number(bytes));
  }
}

std::string port_text(std::uint32_t port) {
  switch (port) {
    case kPortInPort:
      return "in_port";
    case kPortController:
      return "controller";
    case kPortLocal:
      return "LOCAL";
    default:
      return std::to_string(port);
  }
}

std::string field_name(std::uint32_t header) {
  const auto field = field_of_header(header);
  if (field) return std::string(info(*field).name);
  std::string bytes;
  detail::put<std::uint32_t>(bytes, header);
  return "field " + hex(bytes);
}

std::string set_field_text(Reader reader) {
  const std::string_view tlv_bytes = reader.rest();
  const auto tlv = detail::next_tlv(reader);
  if (!tlv || !tlv->field) return "set_field " + hex(tlv_bytes);
  std::string text = "set_field:" + value_text(*tlv->field, tlv->value);
  if (tlv->masked) text += "/" + hex(tlv->mask);
  return text + "->" + std::string(info(*tlv->field).name);
}

std::string action_text(const detail::RawAction& action) {
  Reader reader(action.whole.substr(4));
  switch (action.type) {
    case detail::kOutput: {
      const auto port = reader.get<std::uint32_t>();
      const auto max_len = reader.get<std::uint16_t>();
      if (port == kPortController) return "controller(max_len=" + std::to_string(max_len) + ")";
      return port == kPortInPort ? "in_port" : "output:" + port_text(port);
    }
    case detail::kGroup:
      return "group:" + std::to_string(reader.get<std::uint32_t>());
    case detail::kMeter:
      return "meter:" + std::to_string(reader.get<std::uint32_t>());
    case detail::kPushVlan:
      return "push_vlan:" + hex(reader.take(2));
    case detail::kPopVlan:
      return "pop_vlan";
    case detail::kSetField:
      return set_field_text(reader);
    case detail::kCopyField: {
      reader.skip(8);
      const std::string from = field_name(reader.get<std::uint32_t>());
      return "move:" + from + "->" + field_name(reader.get<std::uint32_t>());
    }
    case detail::kExperimenter:
      if (reader.get<std::uint32_t>() == detail::kNicira &&
          reader.get<std::uint16_t>() == detail::kNiciraResubmitTable) {
        reader.skip(2);
        return "resubmit(," + std::to_string(reader.get<std::uint8_t>()) + ")";
      }
      return "experimenter " + hex(action.whole);
    default:
      return "action " + hex(action.whole);
  }
}

const char* type_text(GroupType type) {
  switch (type) {
    case GroupType::all:
      return "all";
    case GroupType::select:
      return "select";
    case GroupType::indirect:
      return "indirect";
    case GroupType::fast_failover:
      return "fast_failover";
  }
  return "?";
}

}  // namespace

std::string Match::text() const {
  std::string out;
  Reader reader(oxm_);
  while (const auto tlv = detail::next_tlv(reader)) {
    if (!out.empty()) out += ',';
    if (!tlv->field) {
      out += hex(tlv->all);
      continue;
    }
    out += std::string(info(*tlv->field).name) + "=" + value_text(*tlv->field, tlv->value);
    if (tlv->masked) out += "/" + value_text(*tlv->field, tlv->mask);
  }
  return out;
}

std::string Actions::text() const {
  if (bytes_.empty()) return "drop";
  std::string out;
  for (std::string_view rest = bytes_; !rest.empty();) {
    const auto action = detail::first_action(rest);
    if (!action) break;
    if (!out.empty()) out += ',';
    out += action_text(*action);
    rest.remove_prefix(action->whole.size());
  }
  return out;
}

std::string FlowKey::text() const {
  return "table=" + std::to_string(table) + ",priority=" + std::to_string(priority) +
         (match.empty() ? "" : "," + match.text());
}

std::string FlowRule::text() const {
  char cookie_text[32];
  std::snprintf(cookie_text, sizeof cookie_text, "cookie=0x%llx,", static_cast<unsigned long long>(cookie));
  return "flow " + std::string(cookie_text) + key().text() + ",actions=" + actions.text();
}

std::string Group::text() const {
  std::string out = "group group_id=" + std::to_string(id) + ",type=" + type_text(type);
  if (selection) {
    std::string fields;
    for (const HashField& field : selection->fields) {
      if (!fields.empty()) fields += ',';
      fields += std::string(info(field.field).name);
      if (field != HashField::whole(field.field)) fields += "=" + hex(field.mask);
    }
    char param[32];
    std::snprintf(param, sizeof param, "0x%llx", static_cast<unsigned long long>(selection->param));
    out += ",selection_method=hash(param=" + std::string(param) + "),fields(" + fields + ")";
  }
  for (const Bucket& bucket : buckets) {
    out += ",bucket=bucket_id:" + std::to_string(bucket.id);
    if (type == GroupType::select) out += ",weight:" + std::to_string(bucket.weight);
    out += ",actions=" + bucket.actions.text();
  }
  return out;
}

HashField HashField::whole(Field field) {
  return {field, std::string(info(field).bytes, '\xff')};
}

HashSelection HashSelection::over(std::uint64_t param, std::vector<HashField> fields) {
  std::sort(fields.begin(), fields.end());
  return {param, std::move(fields)};
}

}  // namespace distributor::wire
