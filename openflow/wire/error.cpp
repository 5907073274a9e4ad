#include "openflow/wire/error.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

#include "openflow/wire/detail/bytes.hpp"
#include "openflow/wire/message.hpp"

namespace distributor::wire {
namespace {

struct Name {
  std::uint16_t type;
  std::uint16_t code;
  std::string_view text;
};

// OpenFlow 1.5.1, 7.5.4, as far as our messages can meet them, by the names that OVS 3.1 prints.
constexpr std::array kNames{
    Name{0, 0, "OFPHFC_INCOMPATIBLE"},
    Name{0, 1, "OFPHFC_EPERM"},
    Name{1, 0, "OFPBRC_BAD_VERSION"},
    Name{1, 1, "OFPBRC_BAD_TYPE"},
    Name{1, 2, "OFPBRC_BAD_STAT"},
    Name{1, 3, "OFPBRC_BAD_VENDOR"},
    Name{1, 4, "OFPBRC_BAD_SUBTYPE"},
    Name{1, 5, "OFPBRC_EPERM"},
    Name{1, 6, "OFPBRC_BAD_LEN"},
    Name{1, 7, "OFPBRC_BUFFER_EMPTY"},
    Name{1, 8, "OFPBRC_BUFFER_UNKNOWN"},
    Name{1, 9, "OFPBRC_BAD_TABLE_ID"},
    Name{1, 10, "OFPBRC_IS_SECONDARY"},
    Name{1, 11, "OFPBRC_BAD_PORT"},
    Name{1, 12, "OFPBRC_BAD_PACKET"},
    Name{1, 13, "OFPBRC_MULTIPART_BUFFER_OVERFLOW"},
    Name{2, 0, "OFPBAC_BAD_TYPE"},
    Name{2, 1, "OFPBAC_BAD_LEN"},
    Name{2, 2, "OFPBAC_BAD_VENDOR"},
    Name{2, 3, "OFPBAC_BAD_VENDOR_TYPE"},
    Name{2, 4, "OFPBAC_BAD_OUT_PORT"},
    Name{2, 5, "OFPBAC_BAD_ARGUMENT"},
    Name{2, 6, "OFPBAC_EPERM"},
    Name{2, 7, "OFPBAC_TOO_MANY"},
    Name{2, 8, "OFPBAC_BAD_QUEUE"},
    Name{2, 9, "OFPBAC_BAD_OUT_GROUP"},
    Name{2, 10, "OFPBAC_MATCH_INCONSISTENT"},
    Name{2, 11, "OFPBAC_UNSUPPORTED_ORDER"},
    Name{2, 12, "OFPBAC_BAD_TAG"},
    Name{2, 13, "OFPBAC_BAD_SET_TYPE"},
    Name{2, 14, "OFPBAC_BAD_SET_LEN"},
    Name{2, 15, "OFPBAC_BAD_SET_ARGUMENT"},
    Name{2, 16, "OFPBAC_BAD_SET_MASK"},
    Name{2, 17, "OFPBAC_BAD_METER"},
    Name{3, 0, "OFPBIC_UNKNOWN_INST"},
    Name{3, 1, "OFPBIC_UNSUP_INST"},
    Name{3, 2, "OFPBIC_BAD_TABLE_ID"},
    Name{3, 5, "OFPBIC_BAD_EXPERIMENTER"},
    Name{3, 7, "OFPBIC_BAD_LEN"},
    Name{3, 9, "OFPBIC_DUP_INST"},
    Name{4, 0, "OFPBMC_BAD_TYPE"},
    Name{4, 1, "OFPBMC_BAD_LEN"},
    Name{4, 2, "OFPBMC_BAD_TAG"},
    Name{4, 3, "OFPBMC_BAD_DL_ADDR_MASK"},
    Name{4, 4, "OFPBMC_BAD_NW_ADDR_MASK"},
    Name{4, 5, "OFPBMC_BAD_WILDCARDS"},
    Name{4, 6, "OFPBMC_BAD_FIELD"},
    Name{4, 7, "OFPBMC_BAD_VALUE"},
    Name{4, 8, "OFPBMC_BAD_MASK"},
    Name{4, 9, "OFPBMC_BAD_PREREQ"},
    Name{4, 10, "OFPBMC_DUP_FIELD"},
    Name{5, 0, "OFPFMFC_UNKNOWN"},
    Name{5, 1, "OFPFMFC_TABLE_FULL"},
    Name{5, 2, "OFPFMFC_BAD_TABLE_ID"},
    Name{5, 3, "OFPFMFC_OVERLAP"},
    Name{5, 4, "OFPFMFC_EPERM"},
    Name{5, 5, "OFPFMFC_BAD_TIMEOUT"},
    Name{5, 6, "OFPFMFC_BAD_COMMAND"},
    Name{5, 7, "OFPFMFC_BAD_FLAGS"},
    Name{6, 0, "OFPGMFC_GROUP_EXISTS"},
    Name{6, 1, "OFPGMFC_INVALID_GROUP"},
    Name{6, 3, "OFPGMFC_OUT_OF_GROUPS"},
    Name{6, 4, "OFPGMFC_OUT_OF_BUCKETS"},
    Name{6, 5, "OFPGMFC_CHAINING_UNSUPPORTED"},
    Name{6, 7, "OFPGMFC_LOOP"},
    Name{6, 8, "OFPGMFC_UNKNOWN_GROUP"},
    Name{6, 9, "OFPGMFC_CHAINED_GROUP"},
    Name{6, 10, "OFPGMFC_BAD_TYPE"},
    Name{6, 11, "OFPGMFC_BAD_COMMAND"},
    Name{6, 12, "OFPGMFC_BAD_BUCKET"},
    Name{6, 14, "OFPGMFC_EPERM"},
    Name{6, 15, "OFPGMFC_UNKNOWN_BUCKET"},
    Name{6, 16, "OFPGMFC_BUCKET_EXISTS"},
    Name{12, 1, "OFPMMFC_METER_EXISTS"},
    Name{12, 2, "OFPMMFC_INVALID_METER"},
    Name{12, 3, "OFPMMFC_UNKNOWN_METER"},
    Name{12, 6, "OFPMMFC_BAD_RATE"},
    Name{12, 10, "OFPMMFC_OUT_OF_METERS"},
    Name{17, 0, "OFPBFC_UNKNOWN"},
    Name{17, 1, "OFPBFC_EPERM"},
    Name{17, 2, "OFPBFC_BAD_ID"},
    Name{17, 3, "OFPBFC_BUNDLE_EXIST"},
    Name{17, 4, "OFPBFC_BUNDLE_CLOSED"},
    Name{17, 5, "OFPBFC_OUT_OF_BUNDLES"},
    Name{17, 6, "OFPBFC_BAD_TYPE"},
    Name{17, 7, "OFPBFC_BAD_FLAGS"},
    Name{17, 8, "OFPBFC_MSG_BAD_LEN"},
    Name{17, 9, "OFPBFC_MSG_BAD_XID"},
    Name{17, 10, "OFPBFC_MSG_UNSUP"},
    Name{17, 11, "OFPBFC_MSG_CONFLICT"},
    Name{17, 12, "OFPBFC_MSG_TOO_MANY"},
    Name{17, 13, "OFPBFC_MSG_FAILED"},
    Name{17, 14, "OFPBFC_TIMEOUT"},
    Name{17, 15, "OFPBFC_BUNDLE_IN_PROGRESS"},
};

constexpr std::uint16_t kExperimenterError = 0xffff;

}  // namespace

std::string RemoteError::text() const {
  char numbers[80];
  if (type == kExperimenterError) {
    std::snprintf(numbers, sizeof numbers, "experimenter error 0x%08x/%u", experimenter, static_cast<unsigned>(code));
    return numbers;
  }
  const auto found = std::find_if(kNames.begin(), kNames.end(),
                                  [&](const Name& name) { return name.type == type && name.code == code; });
  if (found != kNames.end()) return std::string(found->text);
  std::snprintf(numbers, sizeof numbers, "OpenFlow error type %u code %u", static_cast<unsigned>(type),
                static_cast<unsigned>(code));
  return numbers;
}

Decoded<RemoteError> decode_error(std::string_view body) {
  detail::Reader reader(body);
  RemoteError error;
  error.type = reader.get<std::uint16_t>();
  error.code = reader.get<std::uint16_t>();
  if (error.type == kExperimenterError) error.experimenter = reader.get<std::uint32_t>();
  if (!reader.ok()) return tl::make_unexpected(WireError{WireErrorCode::truncated, "OpenFlow error: ends too early"});
  error.data = reader.rest();
  return error;
}

}  // namespace distributor::wire
