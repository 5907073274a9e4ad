// Cuts a byte stream into JSON texts: JSON-RPC over a stream has no lengths and no separators (RFC 7047, 4).
#pragma once

#include <boost/json/stream_parser.hpp>
#include <boost/json/value.hpp>
#include <cstddef>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace distributor::ovsdb::detail {

class JsonFramer {
 public:
  explicit JsonFramer(std::size_t text_bytes_max) : text_bytes_max_(text_bytes_max) {}
  // The texts that these bytes completed, in order. After an error the stream cannot be trusted: close the connection.
  tl::expected<std::vector<boost::json::value>, std::string> push(std::string_view bytes);
  void reset();

 private:
  std::size_t text_bytes_max_;
  std::size_t text_bytes_ = 0;  // of the text that is under way
  boost::json::stream_parser parser_;
};

}  // namespace distributor::ovsdb::detail
