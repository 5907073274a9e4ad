#include "openflow/programmer/detail/transaction.hpp"

#include <algorithm>

namespace distributor::programmer::detail {
namespace {

constexpr std::size_t kComplaintsMax = 64;
constexpr std::size_t kRuleTextMax = 600;

}  // namespace

Transaction::Transaction(Plan plan, std::uint32_t first_xid, std::uint32_t bundle_id)
    : plan_(std::move(plan)), first_xid_(first_xid), bundle_id_(bundle_id) {
  if (plan_.empty()) {
    state_ = State::confirmed;
    return;
  }
  if (bundled()) send(wire::encode_bundle_control(first_xid_, bundle_id_, wire::BundleControl::open_request));
  for (std::size_t i = 0; i < plan_.changes.size(); ++i) {
    const auto message = encode(plan_.changes[i], change_xid(i));
    if (!message) {
      blame(i, message.error().message);
      continue;
    }
    send(bundled() ? wire::encode_bundle_add(bundle_id_, *message) : *message);
  }
  if (!complaints_.empty()) {  // nothing was sent yet, so nothing needs to be taken back
    output_.clear();
    state_ = State::refused;
    return;
  }
  send(wire::encode_barrier_request(first_xid_ + 1));
  if (!bundled()) state_ = State::committing;
}

void Transaction::send(const std::string& message) {
  if (output_.empty() || output_.back().size() + message.size() > kPieceBytes) output_.emplace_back();
  output_.back() += message;
}

bool Transaction::on_message(const wire::Message& message) {
  const std::uint32_t offset = message.xid - first_xid_;  // wraps for smaller ones, which is then too large
  if (offset >= xids_for(plan_) || finished()) return false;
  switch (message.type) {
    case wire::MessageType::error: {
      const auto error = wire::decode_error(message.body);
      on_error(message.xid, error ? *error : wire::RemoteError{});
      return true;
    }
    case wire::MessageType::barrier_reply:
      on_barrier(message.xid);
      return true;
    case wire::MessageType::bundle_control: {
      const auto reply = wire::decode_bundle_control(message.body);
      if (reply && reply->type == wire::BundleControl::commit_reply && reply->bundle_id == bundle_id_)
        committed_ = true;
      return true;
    }
    default:
      return false;
  }
}

void Transaction::on_error(std::uint32_t xid, const wire::RemoteError& error) {
  if (discarded_) return;  // what the discard itself meets does not matter
  const std::uint32_t index = xid - change_xid(0);
  if (index < plan_.changes.size()) {
    blame(index, "Open vSwitch answered " + error.text());
  } else if (complaints_.size() < kComplaintsMax) {
    complaints_.emplace_back(std::nullopt, "Open vSwitch refused the bundle: " + error.text());
  }
}

void Transaction::blame(std::size_t index, const std::string& reason) {
  const Change& change = plan_.changes[index];
  if (change.owner) culprits_.insert(*change.owner);
  if (complaints_.size() >= kComplaintsMax) return;
  std::string rule = change.text();
  if (rule.size() > kRuleTextMax) rule = rule.substr(0, kRuleTextMax) + "...";
  complaints_.emplace_back(change.owner, reason + " to \"" + rule + "\"");
}

void Transaction::on_barrier(std::uint32_t xid) {
  if (state_ == State::staging && xid == first_xid_ + 1) {
    const bool taken = complaints_.empty();
    discarded_ = !taken;
    state_ = State::committing;
    send(wire::encode_bundle_control(
        first_xid_ + 2, bundle_id_,
        taken ? wire::BundleControl::commit_request : wire::BundleControl::discard_request));
    send(wire::encode_barrier_request(first_xid_ + 3));
    return;
  }
  const bool last = state_ == State::committing && xid == first_xid_ + (bundled() ? 3U : 1U);
  if (!last) return;
  if (bundled() && !committed_ && complaints_.empty()) {
    complaints_.emplace_back(std::nullopt, "Open vSwitch did not confirm the bundle's commit");
  }
  state_ = complaints_.empty() ? State::confirmed : State::refused;
}

std::size_t Transaction::groups() const {
  return static_cast<std::size_t>(std::count_if(plan_.changes.begin(), plan_.changes.end(),
                                                [](const Change& change) { return change.is_group(); }));
}

std::size_t Transaction::flows() const {
  return plan_.changes.size() - groups();
}

ProgramError Transaction::error() const {
  if (complaints_.empty()) return {};
  // What names a rule says more than "the bundle failed".
  const auto named = std::find_if(complaints_.begin(), complaints_.end(),
                                  [](const auto& complaint) { return complaint.first.has_value(); });
  const auto& first = named == complaints_.end() ? complaints_.front() : *named;
  const std::string scope =
      bundled() ? "; the whole bundle of " + std::to_string(plan_.changes.size()) + " changes was rolled back" : "";
  return {ProgramErrorCode::refused, first.second + scope, first.first};
}

ProgramError Transaction::error_of(Key culprit) const {
  for (const auto& [owner, text] : complaints_) {
    if (owner == culprit) return {ProgramErrorCode::refused, text, culprit};
  }
  ProgramError general = error();
  general.key = culprit;
  return general;
}

}  // namespace distributor::programmer::detail
