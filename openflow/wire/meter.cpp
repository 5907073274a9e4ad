#include "openflow/wire/meter.hpp"

#include "openflow/wire/detail/encode.hpp"
#include "openflow/wire/multipart.hpp"

namespace distributor::wire {
namespace {

using detail::put;
using detail::put_zeros;
using detail::Reader;

constexpr std::uint16_t kPacketsPerSecond = 2;  // flags
constexpr std::uint16_t kBurst = 4;
constexpr std::uint16_t kStatistics = 8;
constexpr std::uint16_t kBandDrop = 1;
constexpr std::size_t kBandBytes = 16;
constexpr std::uint32_t kAllMeters = 0xffffffff;

enum class Command : std::uint16_t { add = 0, modify = 1, remove = 2 };

std::string meter_mod_head(std::uint32_t xid, Command command, std::uint32_t meter_id) {
  std::string out = detail::begin(MessageType::meter_mod, xid);
  put<std::uint16_t>(out, static_cast<std::uint16_t>(command));
  put<std::uint16_t>(out, kPacketsPerSecond);
  put<std::uint32_t>(out, meter_id);
  return out;
}

std::string request(std::uint32_t xid, MultipartType type) {
  std::string out = detail::begin(MessageType::multipart_request, xid);
  put<std::uint16_t>(out, static_cast<std::uint16_t>(type));
  put_zeros(out, 6);
  return out;
}

}  // namespace

std::string encode_meter_mod(std::uint32_t xid, bool modify, const Meter& meter) {
  std::string out = meter_mod_head(xid, modify ? Command::modify : Command::add, meter.id);
  put<std::uint16_t>(out, kBandDrop);
  put<std::uint16_t>(out, kBandBytes);
  put<std::uint32_t>(out, meter.packets_per_s);
  put_zeros(out, 8);  // burst; padding
  return detail::finish(std::move(out));
}

std::string encode_meter_delete(std::uint32_t xid, std::uint32_t meter_id) {
  return detail::finish(meter_mod_head(xid, Command::remove, meter_id));
}

std::string encode_meter_desc_request(std::uint32_t xid) {
  std::string out = request(xid, MultipartType::meter_desc);
  put<std::uint32_t>(out, kAllMeters);
  put_zeros(out, 4);
  return detail::finish(std::move(out));
}

std::string encode_meter_features_request(std::uint32_t xid) {
  return detail::finish(request(xid, MultipartType::meter_features));
}

Decoded<std::vector<MeterDescription>> decode_meter_desc(std::string_view body) {
  std::vector<MeterDescription> out;
  Reader list(body);
  while (list.left() > 0) {
    const std::size_t length = list.get<std::uint16_t>();
    if (!list.ok() || length < 8) {
      return tl::make_unexpected(WireError{WireErrorCode::malformed, "meter description: bad length"});
    }
    Reader entry(list.take(length - 2));
    if (!list.ok()) {
      return tl::make_unexpected(WireError{WireErrorCode::truncated, "meter description: ends too early"});
    }
    MeterDescription found;
    const auto flags = entry.get<std::uint16_t>();
    found.meter.id = entry.get<std::uint32_t>();
    const auto band = entry.get<std::uint16_t>();
    const std::size_t band_bytes = entry.get<std::uint16_t>();
    found.meter.packets_per_s = entry.get<std::uint32_t>();
    entry.skip(8);
    found.plain = entry.ok() && entry.left() == 0 && (flags & ~(kBurst | kStatistics)) == kPacketsPerSecond &&
                  band == kBandDrop && band_bytes == kBandBytes;
    out.push_back(found);
  }
  return out;
}

Decoded<std::uint32_t> decode_meters_max(std::string_view body) {
  Reader reader(body);
  const auto meters_max = reader.get<std::uint32_t>();
  if (!reader.ok()) {
    return tl::make_unexpected(WireError{WireErrorCode::truncated, "meter features: end too early"});
  }
  return meters_max;
}

}  // namespace distributor::wire
