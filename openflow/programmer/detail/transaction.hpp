// One plan on its way: the bytes to send, and what the answers mean. Pure.
//
// One change goes as it is, followed by a barrier. Several go as one bundle, atomic and ordered. OVS drops a message
// that it cannot decode when it is added, and would commit the rest: so the commit is sent only when a barrier has
// shown that every add was taken.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "openflow/programmer/ledger.hpp"
#include "openflow/wire/message.hpp"

namespace distributor::programmer::detail {

class Transaction {
 public:
  enum class State : std::uint8_t { staging, committing, confirmed, refused };

  // Uses the xids first_xid .. first_xid + xids_for(plan) - 1. Refused from the start if a change does not fit a
  // message.
  Transaction(Plan plan, std::uint32_t first_xid, std::uint32_t bundle_id);
  static std::uint32_t xids_for(const Plan& plan) { return static_cast<std::uint32_t>(plan.changes.size()) + 5; }

  // What is to be sent now, in pieces of whole messages, each about kPieceBytes long.
  std::vector<std::string> take_output() { return std::exchange(output_, {}); }
  // True if the message belongs to this transaction.
  bool on_message(const wire::Message& message);

  State state() const { return state_; }
  bool finished() const { return state_ == State::confirmed || state_ == State::refused; }
  const Plan& plan() const { return plan_; }
  std::size_t flows() const;
  std::size_t groups() const;

  // Once refused: whose changes OVS named (empty if it named none), and what it said.
  const std::set<Key>& culprits() const { return culprits_; }
  ProgramError error() const;
  ProgramError error_of(Key culprit) const;

  static constexpr std::size_t kPieceBytes = 32U << 10U;

 private:
  bool bundled() const { return plan_.changes.size() > 1; }
  std::uint32_t change_xid(std::size_t index) const { return first_xid_ + 4 + static_cast<std::uint32_t>(index); }
  void send(const std::string& message);
  void on_error(std::uint32_t xid, const wire::RemoteError& error);
  void blame(std::size_t index, const std::string& reason);
  void on_barrier(std::uint32_t xid);

  Plan plan_;
  std::uint32_t first_xid_;
  std::uint32_t bundle_id_;
  State state_ = State::staging;
  bool committed_ = false;
  bool discarded_ = false;
  std::vector<std::string> output_;
  std::set<Key> culprits_;
  std::vector<std::pair<std::optional<Key>, std::string>> complaints_;  // bounded: kComplaintsMax
};

}  // namespace distributor::programmer::detail
