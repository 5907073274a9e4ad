#include "sync/registry/codec.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "sync/registry/detail/to_proto.hpp"
#include "sync/registry/limits.hpp"

namespace distributor {
namespace {

// Twice the largest legal load balancer: 272 amphorae, 8 VIPs with 64 routes each.
constexpr std::size_t kBytesMax = 128 * 1024;

ParseError because(std::string message) {
  return ParseError{std::move(message)};
}

std::string serialize(const google::protobuf::Message& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  return bytes;
}

bool has_unknown_fields(const google::protobuf::Message& message) {
  const auto* reflection = message.GetReflection();
  if (!reflection->GetUnknownFields(message).empty()) return true;
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const auto* field : fields) {
    if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      if (has_unknown_fields(reflection->GetMessage(message, field))) return true;
      continue;
    }
    for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
      if (has_unknown_fields(reflection->GetRepeatedMessage(message, field, i))) return true;
    }
  }
  return false;
}

// One way to write each value: what decodes must encode to the same bytes, else two nodes could hash one state
// differently.
template <typename Message, typename Value>
Parsed<Value> decode_as(std::string_view bytes, const char* what, Parsed<Value> (*convert)(const Message&)) {
  const auto refuse = [&](const std::string& why) {
    return tl::unexpected(because(std::string("bytes are not a ") + what + ": " + why));
  };
  if (bytes.size() > kBytesMax)
    return refuse(std::to_string(bytes.size()) + " bytes, at most " + std::to_string(kBytesMax));
  Message message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return refuse("malformed");
  if (has_unknown_fields(message)) return refuse("unknown field (written by a newer version?)");
  auto value = convert(message);
  if (!value) return refuse(value.error().message);
  if (encode(*value) != bytes) return refuse("not in canonical form");
  return value;
}

}  // namespace

std::string encode(const Command& command) {
  return serialize(detail::to_proto(command));
}
std::string encode(const LoadBalancer& lb) {
  return serialize(detail::to_proto(lb));
}

Parsed<Command> decode_command(std::string_view bytes) {
  return decode_as<proto::Command, Command>(bytes, "command", &detail::command_from);
}

Parsed<LoadBalancer> decode_load_balancer(std::string_view bytes) {
  return decode_as<proto::LoadBalancer, LoadBalancer>(bytes, "load balancer", &detail::load_balancer_from);
}

}  // namespace distributor
