#include "openflow/programmer/detail/stream.hpp"

#include <sys/un.h>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <utility>

namespace distributor::programmer::detail {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Plain = asio::generic::stream_protocol;

class PlainStream final : public Stream {
 public:
  PlainStream(asio::io_context& io, Plain::endpoint there) : socket_(io), there_(std::move(there)) {}
  void connect(Connected done) override {
    socket_.async_connect(there_, [this, done = std::move(done)](const boost::system::error_code& error) {
      boost::system::error_code ignored;
      if (!error && there_.protocol().family() != AF_UNIX) socket_.set_option(tcp::no_delay(true), ignored);
      done(error);
    });
  }
  void read_some(asio::mutable_buffer into, Transferred done) override { socket_.async_read_some(into, std::move(done)); }
  void write(asio::const_buffer from, Transferred done) override { asio::async_write(socket_, from, std::move(done)); }
  void close() override {
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

 private:
  Plain::socket socket_;
  Plain::endpoint there_;
};

// Both sides show certificates. As Open vSwitch does it: whoever the CA vouches for may speak, names are not looked at.
class TlsStream final : public Stream {
 public:
  TlsStream(asio::io_context& io, std::shared_ptr<asio::ssl::context> context, tcp::endpoint there)
      : context_(std::move(context)), stream_(io, *context_), there_(std::move(there)) {}
  void connect(Connected done) override {
    stream_.next_layer().async_connect(there_, [this, done = std::move(done)](const boost::system::error_code& error) {
      if (error) return done(error);
      boost::system::error_code ignored;
      stream_.next_layer().set_option(tcp::no_delay(true), ignored);
      stream_.async_handshake(asio::ssl::stream_base::client, done);
    });
  }
  void read_some(asio::mutable_buffer into, Transferred done) override { stream_.async_read_some(into, std::move(done)); }
  void write(asio::const_buffer from, Transferred done) override { asio::async_write(stream_, from, std::move(done)); }
  void close() override {
    boost::system::error_code ignored;
    stream_.next_layer().close(ignored);
  }

 private:
  std::shared_ptr<asio::ssl::context> context_;
  asio::ssl::stream<tcp::socket> stream_;
  tcp::endpoint there_;
};

tl::expected<std::shared_ptr<asio::ssl::context>, std::string> tls_context(const TlsFiles& files) {
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
  boost::system::error_code error;
  const auto failed = [&](const std::string& what) { return tl::unexpected(what + ": " + error.message()); };
  if (context->use_certificate_chain_file(files.certificate, error)) return failed(files.certificate);
  if (context->use_private_key_file(files.private_key, asio::ssl::context::pem, error)) return failed(files.private_key);
  if (context->load_verify_file(files.ca, error)) return failed(files.ca);
  if (context->set_verify_mode(asio::ssl::verify_peer, error)) return failed("verify_peer");
  if (context->set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1, error)) return failed("TLS versions");
  return context;
}

}  // namespace

tl::expected<std::unique_ptr<Stream>, std::string> open_stream(asio::io_context& io, const Target& target) {
  if (target.kind == Target::Kind::unix_socket) {
    if (target.path.size() >= sizeof(sockaddr_un::sun_path)) {
      return tl::unexpected("the path of the bridge's management socket is too long: " + target.path);
    }
    return std::make_unique<PlainStream>(io, asio::local::stream_protocol::endpoint(target.path));
  }
  boost::system::error_code error;
  const auto address = asio::ip::make_address(target.host, error);
  if (error) return tl::unexpected("wanted an IP address, found " + target.host);
  const tcp::endpoint there(address, target.port);
  if (target.kind == Target::Kind::tcp) return std::make_unique<PlainStream>(io, there);
  auto context = tls_context(target.tls);
  if (!context) return tl::unexpected(context.error());
  return std::make_unique<TlsStream>(io, std::move(*context), there);
}

}  // namespace distributor::programmer::detail
