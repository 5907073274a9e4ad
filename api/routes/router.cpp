#include "api/routes/router.hpp"

#include <openssl/rand.h>

#include <array>
#include <utility>

#include "api/backend/backend.hpp"
#include "api/json/parse.hpp"
#include "api/json/render.hpp"
#include "api/routes/detail/route_match.hpp"

namespace distributor::api {
namespace {

struct Call {
  Backend& backend;
  const Router::DrawSeed& draw_seed;
  HttpRequest request;
  std::string query;
  LoadBalancerId lb;  // where the path names one
  Router::Done done;

  void answer(std::string body) const { done(HttpAnswer{.status = 200, .body = std::move(body), .allow = {}}); }
  void refuse(const ApiError& error) const { done(error_answer(error)); }
};

ApiError fault(ErrorCode code, std::string field, std::string message) {
  return ApiError{.code = code, .field = std::move(field), .message = std::move(message), .fix = {}};
}

std::optional<ApiError> refusal_of_changes(const Backend& backend) {
  const auto access = backend.writable();
  if (access.allowed) return std::nullopt;
  std::string message = access.reason.empty() ? std::string(row_of(ErrorCode::not_active).meaning) : access.reason;
  if (access.leader) message += " (changes are taken by " + access.leader->text() + ")";
  return fault(ErrorCode::not_active, {}, std::move(message));
}

// What a replay of the same request has in common, and no other request: a client may use one key for a whole flow of
// calls.
tl::expected<std::string, ApiError> idempotency_of(const HttpRequest& request) {
  const auto& key = request.idempotency_key.empty() ? request.request_id : request.idempotency_key;
  if (key.empty()) return std::string{};
  if (!request.request_id.empty() && request.request_id != key) {
    return tl::unexpected(fault(ErrorCode::invalid_field, "X-Request-Id", "wanted the same as Idempotency-Key, or one of the two headers, found two different ones"));
  }
  bool printable = true;
  for (const char one : key) printable = printable && one > 0x20 && one < 0x7f;
  if (!printable || key.size() > kIdempotencyKeyBytesMax) {
    return tl::unexpected(fault(ErrorCode::invalid_field, "Idempotency-Key",
                                "wanted at most " + std::to_string(kIdempotencyKeyBytesMax) +
                                    " printable characters without spaces, found " + std::to_string(key.size()) +
                                    " bytes"));
  }
  return key + ":" + sha256(request.target + '\n' + request.body).hex().substr(0, kRequestDigestDigits);
}

void submit(const Call& call, Command command) {
  auto request_id = idempotency_of(call.request);
  if (!request_id) return call.refuse(request_id.error());
  call.backend.submit(std::move(command), std::move(*request_id),
                      [call](tl::expected<ChangeOutcome, ApiError> outcome) {
                        if (!outcome) return call.refuse(outcome.error());
                        call.answer(render_change(call.lb, *outcome, call.backend.members()));
                      });
}

template <typename Change>
void change(const Call& call, tl::expected<Change, ApiError> command) {
  if (!command) return call.refuse(command.error());
  if (const auto refusal = refusal_of_changes(call.backend)) return call.refuse(*refusal);
  submit(call, std::move(*command));
}

void plug(const Call& call) {
  auto command = parse_plug(call.lb, call.request.body, call.backend.node_id());
  if (!command) return call.refuse(command.error());
  if (const auto refusal = refusal_of_changes(call.backend)) return call.refuse(*refusal);
  const auto seed = call.draw_seed();
  if (!seed) return call.refuse(fault(ErrorCode::internal, {}, "wanted 64 random bits for hash_seed, found none"));
  command->fresh_hash_seed = *seed;
  // What can't stand is said now: a 404 of the probe would make the client try again for minutes.
  const auto checked = call.backend.registry().check(*command);
  const bool may_be_replay = !call.request.idempotency_key.empty() || !call.request.request_id.empty();
  if (!checked && (!may_be_replay || checked.error().code == RegistryErrorCode::invalid)) {
    return call.refuse(from_registry(checked.error()));
  }
  call.backend.probe_interfaces(*command, [call, plug = *command](tl::expected<void, ApiError> probed) {
    if (!probed) return call.refuse(probed.error());
    submit(call, plug);
  });
}

void unplug(const Call& call) {
  change(call, parse_unplug(call.lb, call.request.body));
}
void register_amphorae(const Call& call) {
  change(call, parse_register(call.lb, call.request.body));
}
void unregister_amphorae(const Call& call) {
  change(call, parse_unregister(call.lb, call.request.body));
}
void replace(const Call& call) {
  change(call, parse_replace(call.lb, call.request.body));
}

Registry::Pointer find(const Call& call) {
  auto found = call.backend.registry().find(call.lb);
  if (!found) {
    auto error = fault(ErrorCode::load_balancer_not_found, "lb_id", "wanted a plugged load balancer, found none of id " + call.lb.text());
    error.fix = call.backend.stale();  // "plug it first" would be wrong of a node that may not know of it yet
    call.refuse(error);
  }
  return found;
}

void status(const Call& call) {
  const auto lb = find(call);
  if (!lb) return;
  // As of the moment of which the list is: Open vSwitch may take a second to count.
  call.backend.counters(call.lb, [call, lb, stale = call.backend.stale()](tl::expected<std::vector<BucketCounters>, ApiError> counters) {
    call.answer(render_status(*lb, counters, call.backend.members(), stale));
  });
}

void list(const Call& call) {
  const auto after = parse_after(call.query);
  if (!after) return call.refuse(after.error());
  call.answer(render_list(call.backend.registry(), *after, call.backend.members(), call.backend.stale()));
}

void where(const Call& call) {
  const auto flow = parse_flow(call.query);
  if (!flow) return call.refuse(flow.error());
  if (const auto lb = find(call)) call.answer(render_where(*lb, *flow, call.backend.where(*lb, *flow), call.backend.stale()));
}

void version(const Call& call) {
  call.answer(render_version());
}
void pair(const Call& call) {
  call.answer(render_pair(call.backend.pair()));
}
void switchover(const Call& call) {
  if (const auto empty = parse_empty(call.request.body); !empty) return call.refuse(empty.error());
  call.backend.switchover(call.request.local_address, [call](tl::expected<SwitchoverView, ApiError> done) {
    if (!done) return call.refuse(done.error());
    call.done(HttpAnswer{.status = done->completed ? 200U : 202U, .body = render_switchover(*done), .allow = {}});
  });
}
void info(const Call& call) {
  call.answer(render_info(call.backend.info()));
}
void details(const Call& call) {
  call.answer(render_details(call.backend.info(), call.backend.registry()));
}

// As an amphora's agent answers: 202, and Octavia takes no other as well done (P2, P10).
void put(const Call& call, void (Backend::*store)(std::string, Backend::StoreDone)) {
  if (const auto refusal = refusal_of_changes(call.backend)) return call.refuse(*refusal);
  (call.backend.*store)(call.request.body, [call](tl::expected<StoredOutcome, ApiError> outcome) {
    if (!outcome) return call.refuse(outcome.error());
    call.done(HttpAnswer{.status = 202, .body = render_stored(*outcome), .allow = {}});
  });
}

void put_certificate(const Call& call) {
  put(call, &Backend::put_certificate);
}
void put_config(const Call& call) {
  put(call, &Backend::put_config);
}

struct Route {
  std::string_view method;
  std::string_view pattern;  // '*' stands for the id of a load balancer
  void (*handler)(const Call&);
  bool has_query = false;
};

constexpr std::array kRoutes = {
    Route{"GET", "/", version},
    Route{"GET", "/1.0/info", info},
    Route{"GET", "/1.0/details", details},
    Route{"GET", "/1.0/pair", pair},
    Route{"PUT", "/1.0/certificate", put_certificate},
    Route{"PUT", "/1.0/config", put_config},
    Route{"POST", "/1.0/pair/switchover", switchover},
    Route{"GET", "/1.0/loadbalancer", list, true},
    Route{"GET", "/1.0/loadbalancer/*", status},
    Route{"GET", "/1.0/loadbalancer/*/where", where, true},
    Route{"POST", "/1.0/loadbalancer/*/plug", plug},
    Route{"POST", "/1.0/loadbalancer/*/unplug", unplug},
    Route{"POST", "/1.0/loadbalancer/*/register", register_amphorae},
    Route{"POST", "/1.0/loadbalancer/*/unregister", unregister_amphorae},
    Route{"POST", "/1.0/loadbalancer/*/replace", replace},
};

std::string names_of_calls() {
  std::string names;
  for (const auto& route : kRoutes)
    names += (names.empty() ? "" : ", ") + std::string(route.method) + " " + std::string(route.pattern);
  return names;
}

}  // namespace

std::vector<RouteView> routes() {
  std::vector<RouteView> result;
  for (const auto& route : kRoutes) result.push_back({route.method, route.pattern});
  return result;
}

HttpAnswer error_answer(const ApiError& error) {
  return HttpAnswer{.status = row_of(error.code).status,
                    .body = render_error(error),
                    .allow = {},
                    .hang_up = error.code == ErrorCode::moved};
}

std::optional<std::uint64_t> draw_hash_seed() {
  std::array<unsigned char, 8> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) return std::nullopt;
  std::uint64_t seed = 0;
  for (const auto one : bytes) seed = seed << 8 | one;
  return seed;
}

Router::Router(Backend& backend, DrawSeed draw_seed) : backend_(backend), draw_seed_(std::move(draw_seed)) {}

void Router::handle(HttpRequest request, Done done) {
  const std::string target = request.target;
  const auto split = target.find('?');
  auto path = std::string_view(target).substr(0, split);
  while (path.starts_with("//")) path.remove_prefix(1);  // Octavia's version discovery asks for "//"
  Call call{backend_, draw_seed_,     std::move(request), split == std::string::npos ? "" : target.substr(split + 1),
            {},       std::move(done)};
  std::string allow;
  for (const auto& route : kRoutes) {
    const auto match = detail::match(route.pattern, path);
    if (!match) continue;
    if (route.method != call.request.method) {
      allow += (allow.empty() ? "" : ", ") + std::string(route.method);
      continue;
    }
    if (!call.query.empty() && !route.has_query) {
      return call.refuse(fault(ErrorCode::unknown_field, "query", "wanted no query, found one"));
    }
    if (!match->empty()) {
      const auto lb = LoadBalancerId::parse(*match);
      if (!lb) return call.refuse(fault(ErrorCode::invalid_field, "lb_id", lb.error().message));
      call.lb = *lb;
    }
    return route.handler(call);
  }
  if (allow.empty()) {
    auto error =
        fault(ErrorCode::path_not_found, "path", "wanted one of the calls of this API, found " + excerpt(path));
    error.fix = "use one of: " + names_of_calls();
    return call.refuse(error);
  }
  auto answer = error_answer(
      fault(ErrorCode::method_not_allowed, "method", "wanted " + allow + ", found " + excerpt(call.request.method)));
  answer.allow = std::move(allow);
  call.done(std::move(answer));
}

}  // namespace distributor::api
