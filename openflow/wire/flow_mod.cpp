// Flow-mod, group-mod.
#include <stdexcept>

#include "openflow/wire/detail/bytes.hpp"
#include "openflow/wire/detail/encode.hpp"
#include "openflow/wire/message.hpp"

namespace distributor::wire {
namespace {

using detail::begin;
using detail::finish;
using detail::patch16;
using detail::put;
using detail::put_zeros;

constexpr std::uint8_t kAllTables = 0xff;
constexpr std::uint32_t kNoBuffer = 0xffffffff;
constexpr std::uint16_t kInstructionApplyActions = 4;
constexpr std::uint16_t kGroupDelete = 2;
constexpr std::uint32_t kBucketAll = 0xffffffff;
constexpr std::uint16_t kBucketPropertyWeight = 0;
constexpr std::uint16_t kPropertyExperimenter = 0xffff;
constexpr std::uint32_t kNetronome = 0x0000154d;  // whose extension selection_method is
constexpr std::uint32_t kSelectionMethod = 1;
constexpr std::size_t kSelectionMethodNameBytes = 16;

// Everything of a flow-mod up to the match.
std::string flow_mod_head(std::uint32_t xid, FlowCommand command, std::uint8_t table, std::uint16_t priority,
                          std::uint64_t cookie) {
  std::string out = begin(MessageType::flow_mod, xid);
  put<std::uint64_t>(out, cookie);
  put<std::uint64_t>(out, 0);  // cookie mask: commands apply whatever the cookie is
  put<std::uint8_t>(out, table);
  put<std::uint8_t>(out, static_cast<std::uint8_t>(command));
  put_zeros(out, 4);  // idle and hard timeout: none
  put<std::uint16_t>(out, priority);
  put<std::uint32_t>(out, kNoBuffer);
  put<std::uint32_t>(out, kPortAny);
  put<std::uint32_t>(out, kGroupAny);
  put_zeros(out, 4);  // flags, importance
  return out;
}

tl::unexpected<WireError> too_long(const std::string& what, std::size_t bytes) {
  return tl::make_unexpected(
      WireError{WireErrorCode::too_long, what + ": " + std::to_string(bytes) + " bytes encoded, at most " +
                                             std::to_string(kBundledBytesMax) + " fit a bundle"});
}

void put_bucket(std::string& out, const Bucket& bucket, bool weighted) {
  const std::size_t start = out.size();
  put_zeros(out, 2);
  put<std::uint16_t>(out, static_cast<std::uint16_t>(bucket.actions.bytes().size()));
  put<std::uint32_t>(out, bucket.id);
  out += bucket.actions.bytes();
  if (weighted) {
    put<std::uint16_t>(out, kBucketPropertyWeight);
    put<std::uint16_t>(out, 8);
    put<std::uint16_t>(out, bucket.weight);
    put_zeros(out, 2);
  }
  patch16(out, start, out.size() - start);
}

// FACTS 1.1: the length leaves out the padding; a field carries its mask where others carry a value.
void put_selection(std::string& out, const HashSelection& selection) {
  const std::size_t start = out.size();
  put<std::uint16_t>(out, kPropertyExperimenter);
  put_zeros(out, 2);
  put<std::uint32_t>(out, kNetronome);
  put<std::uint32_t>(out, kSelectionMethod);
  put_zeros(out, 4);
  std::string name = "hash";
  name.resize(kSelectionMethodNameBytes);
  out += name;
  put<std::uint64_t>(out, selection.param);
  for (const HashField& field : selection.fields) {
    if (field.mask.size() != info(field.field).bytes)
      throw std::logic_error("wire: a hash field's mask has the field's width");
    put<std::uint32_t>(out, info(field.field).header);
    out += field.mask;
  }
  patch16(out, start + 2, out.size() - start);
  detail::pad_to(out, 8, start);
}

std::size_t group_bytes(const Group& group) {
  std::size_t total = kHeaderBytes + 16 + 64;
  for (const Bucket& bucket : group.buckets) total += 16 + bucket.actions.bytes().size();
  if (group.selection) total += group.selection->fields.size() * 20;
  return total;
}

std::string group_mod_head(std::uint32_t xid, std::uint16_t command, GroupType type, std::uint32_t group_id) {
  std::string out = begin(MessageType::group_mod, xid);
  put<std::uint16_t>(out, command);
  put<std::uint8_t>(out, static_cast<std::uint8_t>(type));
  put_zeros(out, 1);
  put<std::uint32_t>(out, group_id);
  put_zeros(out, 4);  // bytes of buckets, filled in later; padding
  put<std::uint32_t>(out, kBucketAll);
  return out;
}

}  // namespace

Decoded<std::string> encode_flow_mod(std::uint32_t xid, FlowCommand command, const FlowRule& rule) {
  const std::size_t bytes = 80 + rule.match.oxm().size() + rule.actions.bytes().size();
  if (bytes > kBundledBytesMax) return too_long("flow-mod " + rule.key().text(), bytes);
  std::string out = flow_mod_head(xid, command, rule.table, rule.priority, rule.cookie);
  detail::put_match(out, rule.match);
  const bool removes = command == FlowCommand::remove || command == FlowCommand::remove_strict;
  if (!removes && !rule.actions.empty()) {
    put<std::uint16_t>(out, kInstructionApplyActions);
    put<std::uint16_t>(out, static_cast<std::uint16_t>(8 + rule.actions.bytes().size()));
    put_zeros(out, 4);
    out += rule.actions.bytes();
  }
  return finish(std::move(out));
}

std::string encode_delete_all_flows(std::uint32_t xid) {
  std::string out = flow_mod_head(xid, FlowCommand::remove, kAllTables, 0, 0);
  detail::put_match(out, Match());
  return finish(std::move(out));
}

Decoded<std::string> encode_group_mod(std::uint32_t xid, GroupCommand command, const Group& group) {
  const std::size_t bytes = group_bytes(group);
  if (bytes > kBundledBytesMax) return too_long("group-mod of group " + std::to_string(group.id), bytes);
  std::string out = group_mod_head(xid, static_cast<std::uint16_t>(command), group.type, group.id);
  const std::size_t start = out.size();
  for (const Bucket& bucket : group.buckets) put_bucket(out, bucket, group.type == GroupType::select);
  patch16(out, start - 8, out.size() - start);
  if (group.selection) put_selection(out, *group.selection);
  return finish(std::move(out));
}

std::string encode_group_delete(std::uint32_t xid, std::uint32_t group_id) {
  return finish(group_mod_head(xid, kGroupDelete, GroupType::all, group_id));
}

}  // namespace distributor::wire
