#include "sync/registry/registry.hpp"

#include "sync/registry/codec.hpp"
#include "sync/registry/detail/rules.hpp"
#include "sync/registry/limits.hpp"

namespace distributor {
namespace {

Digest digest_of(const LoadBalancer& lb) {
  return sha256(encode(lb));
}

// Its own inverse, and the order does not matter.
void fold(Digest& into, const Digest& one) {
  for (std::size_t i = 0; i < into.bytes.size(); ++i)
    into.bytes[i] = static_cast<std::uint8_t>(into.bytes[i] ^ one.bytes[i]);
}

}  // namespace

struct Registry::Outcome {
  bool changed = false;
  std::optional<LoadBalancer> after;  // changed, and nothing here: it goes
};

Registry::Registry() = default;

tl::expected<Registry::Outcome, RegistryError> Registry::evaluate(const Command& command) const {
  const auto& id = load_balancer_of(command);
  if (id.text().empty())
    return tl::unexpected(detail::invalid("lb_id", "no load balancer id", "send the UUID of the load balancer"));
  const auto before = find(id);
  if (std::holds_alternative<UnplugCommand>(command)) return Outcome{before != nullptr, std::nullopt};

  detail::Change change;
  if (const auto* plug = std::get_if<PlugCommand>(&command)) {
    change = detail::plug(*plug, before.get(), all_);
  } else if (!before) {
    return tl::unexpected(detail::error_of(RegistryErrorCode::not_found, "lb_id",
                                           "load balancer " + id.text() + " is not plugged", "PLUG it first"));
  } else if (const auto* reg = std::get_if<RegisterCommand>(&command)) {
    change = detail::register_amphorae(*reg, *before);
  } else if (const auto* unreg = std::get_if<UnregisterCommand>(&command)) {
    change = detail::unregister_amphorae(*unreg, *before);
  } else {
    change = detail::replace_amphora(std::get<ReplaceCommand>(command), *before);
  }
  if (!change) return tl::unexpected(std::move(change.error()));
  const bool changed = change->has_value();
  return Outcome{changed, *std::move(change)};
}

tl::expected<Applied, RegistryError> Registry::check(const Command& command) const {
  auto outcome = evaluate(command);
  if (!outcome) return tl::unexpected(std::move(outcome.error()));
  if (!outcome->changed) return Applied{};
  return Applied{true, {load_balancer_of(command)}};
}

Command Registry::settled(const Command& command) const {
  const auto outcome = evaluate(command);
  if (!outcome || !outcome->after) return command;
  return detail::settled(command, find(load_balancer_of(command)).get(), *outcome->after);
}

tl::expected<Applied, RegistryError> Registry::apply(const Command& command) {
  auto outcome = evaluate(command);
  if (!outcome) return tl::unexpected(std::move(outcome.error()));
  if (!outcome->changed) return Applied{};
  if (outcome->after) {
    put(*std::move(outcome->after));
  } else {
    erase(load_balancer_of(command));
  }
  return Applied{true, {load_balancer_of(command)}};
}

Registry::Pointer Registry::find(const LoadBalancerId& id) const {
  const auto found = all_.find(id);
  return found == all_.end() ? nullptr : found->second;
}

bool Registry::restore(LoadBalancer lb) {
  const auto before = find(lb.id);
  if (!before && all_.size() >= limits::kLoadBalancersMax) return false;
  if (!(before && before->ordinal == lb.ordinal) && ordinals_.contains(lb.ordinal)) return false;
  put(std::move(lb));
  return true;
}

void Registry::put(LoadBalancer lb) {
  erase(lb.id);
  fold(folded_, digest_of(lb));
  ordinals_.insert(lb.ordinal);
  auto id = lb.id;
  all_.insert_or_assign(std::move(id), std::make_shared<const LoadBalancer>(std::move(lb)));
}

void Registry::erase(const LoadBalancerId& id) {
  const auto found = all_.find(id);
  if (found == all_.end()) return;
  fold(folded_, digest_of(*found->second));
  ordinals_.erase(found->second->ordinal);
  all_.erase(found);
}

Digest Registry::digest() const {
  return folded_;
}

}  // namespace distributor
