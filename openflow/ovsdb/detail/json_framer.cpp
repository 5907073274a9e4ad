#include "openflow/ovsdb/detail/json_framer.hpp"

namespace distributor::ovsdb::detail {
namespace {

constexpr std::string_view kWhitespace = " \t\r\n";

}  // namespace

tl::expected<std::vector<boost::json::value>, std::string> JsonFramer::push(std::string_view bytes) {
  std::vector<boost::json::value> texts;
  while (!bytes.empty()) {
    if (text_bytes_ == 0) {
      const auto start = bytes.find_first_not_of(kWhitespace);
      if (start == std::string_view::npos) break;
      bytes.remove_prefix(start);
      // Only these are JSON-RPC, and only these end by themselves: a number at the end of a read may go on.
      if (bytes.front() != '{' && bytes.front() != '[')
        return tl::unexpected(std::string("not a JSON object or array"));
    }
    boost::json::error_code error;
    const std::size_t used = parser_.write_some(bytes.data(), bytes.size(), error);
    if (error) return tl::unexpected("malformed JSON: " + error.message());
    text_bytes_ += used;
    if (text_bytes_ > text_bytes_max_) {
      return tl::unexpected("a JSON text is longer than " + std::to_string(text_bytes_max_) + " bytes");
    }
    bytes.remove_prefix(used);
    if (!parser_.done()) continue;
    texts.push_back(parser_.release());
    parser_.reset();
    text_bytes_ = 0;
  }
  return texts;
}

void JsonFramer::reset() {
  parser_.reset();
  text_bytes_ = 0;
}

}  // namespace distributor::ovsdb::detail
