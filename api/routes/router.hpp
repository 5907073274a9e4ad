// From an HTTP request to an answer: finds the call, parses its body, asks the backend, renders. Knows no sockets.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sync/registry/limits.hpp"

namespace distributor::api {

class Backend;    // api/backend/backend.hpp
struct ApiError;  // api/errors/api_error.hpp

// The request id that the backend sees is the client's key and a digest of the request, so that a key that a client
// uses for several calls of one flow never makes one of them pass for another.
inline constexpr std::size_t kRequestDigestDigits = 32;
inline constexpr std::size_t kIdempotencyKeyBytesMax = limits::kRequestIdBytesMax - kRequestDigestDigits - 1;

struct HttpRequest {
  std::string method;  // "GET", ...
  std::string target;  // origin form: path and query
  std::string body;
  std::string idempotency_key;  // header Idempotency-Key; empty if none was sent
  std::string request_id{};     // header X-Request-Id, another name of the same; empty if none was sent
  std::string local_address{};  // of this host, that the connection came to
};

struct RouteView {
  std::string_view method;
  std::string_view pattern;  // '*' stands for the id of a load balancer
};
std::vector<RouteView> routes();  // every call there is

struct HttpAnswer {
  unsigned status = 200;
  std::string body;   // JSON
  std::string allow;  // for 405: the Allow header
  bool hang_up = false;  // send nothing, close the connection: the client is to ask again elsewhere
};

HttpAnswer error_answer(const ApiError& error);

// 64 random bits from OpenSSL's generator (A6); nothing if it fails.
std::optional<std::uint64_t> draw_hash_seed();

class Router {
 public:
  using DrawSeed = std::function<std::optional<std::uint64_t>()>;
  using Done = std::function<void(HttpAnswer)>;

  // The backend must outlive the router.
  explicit Router(Backend& backend, DrawSeed draw_seed = draw_hash_seed);

  // Calls done exactly once unless the backend drops its callback; maybe before it returns.
  void handle(HttpRequest request, Done done);

 private:
  Backend& backend_;
  DrawSeed draw_seed_;
};

}  // namespace distributor::api
