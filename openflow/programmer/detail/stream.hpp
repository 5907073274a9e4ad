// The bytes under an OpenFlow connection: unix socket, TCP, or TLS over TCP (O6).
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/system/error_code.hpp>
#include <cstddef>
#include <functional>
#include <memory>

#include "openflow/programmer/programmer.hpp"

namespace distributor::programmer::detail {

class Stream {
 public:
  using Connected = std::function<void(const boost::system::error_code&)>;
  using Transferred = std::function<void(const boost::system::error_code&, std::size_t)>;
  virtual ~Stream() = default;
  virtual void connect(Connected done) = 0;  // handshake included
  virtual void read_some(boost::asio::mutable_buffer into, Transferred done) = 0;
  virtual void write(boost::asio::const_buffer from, Transferred done) = 0;  // all of it
  virtual void close() = 0;  // what is under way ends with an error
};

// Error: why the target cannot be used (a path that is too long, a key that cannot be read).
tl::expected<std::unique_ptr<Stream>, std::string> open_stream(boost::asio::io_context& io, const Target& target);

}  // namespace distributor::programmer::detail
