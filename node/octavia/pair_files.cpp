#include "node/octavia/pair_files.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace distributor::node {
namespace {

constexpr auto kExpiryRepeat = std::chrono::hours(24);
constexpr std::size_t kProblemBytesMax = 1024;  // of a message

api::ApiError unwritable(const std::string& why) {
  return {api::ErrorCode::store_failed, {}, "wanted to keep what was sent, found: " + why, "repair this node's disk or the file's directory; what was in use stays"};
}

// What a client sent may hold anything.
std::string printable(std::string text) {
  text.resize(std::min(text.size(), kProblemBytesMax));
  std::replace_if(text.begin(), text.end(), [](char one) { return one < 0x20 || one > 0x7e; }, '?');
  return text;
}

api::ApiError unusable(const std::vector<std::string>& problems) {
  std::string text;
  for (const auto& problem : problems) text += (text.empty() ? "" : "; ") + problem;
  return {api::ErrorCode::invalid_config, "body", printable(text), {}};
}

Document::Clock::time_point now() { return Document::Clock::now(); }

}  // namespace

PairFiles::PairFiles(Settings settings, Hooks hooks)
    : settings_(std::move(settings)),
      hooks_(std::move(hooks)),
      records_(settings_.records),
      certificate_(DocumentKind::certificate, settings_.peer.has_value(), records_.record_of(DocumentKind::certificate),
                   hooks_of(DocumentKind::certificate, [this](const std::string& pem) { return adopt_certificate(pem); }, settings_.certificate)),
      agent_config_(DocumentKind::agent_config, settings_.peer.has_value(), records_.record_of(DocumentKind::agent_config),
                    hooks_of(DocumentKind::agent_config, [this](const std::string& ini) { return adopt_config(ini); }, settings_.agent_config)) {
  look_at_certificate();
}

Document::Hooks PairFiles::hooks_of(DocumentKind kind, std::function<Adopted(const std::string&)> adopt, const std::filesystem::path& file) {
  Document::Hooks result;
  result.adopt = std::move(adopt);
  result.read = [file] { return read_file(file, kDocumentBytesMax); };
  result.send = [this](std::string_view frame) { return hooks_.send(frame); };
  result.term = [this] { return hooks_.term(); };
  result.remember = [this, kind](const DocumentRecord& record) {
    if (auto kept = records_.remember(kind, record); !kept) spdlog::error("octavia: {}; the nodes compare again after a restart", kept.error());
  };
  result.log = [](bool bad, const std::string& line) { bad ? spdlog::error("octavia: {}", line) : spdlog::info("octavia: {}", line); };
  return result;
}

PairFiles::Adopted PairFiles::adopt_certificate(const std::string& pem) {
  auto checked = api::check_bundle(pem, settings_.distributor_id, std::chrono::system_clock::now());
  if (!checked) return tl::unexpected(std::move(checked.error()));
  const auto ca = settings_.client_ca.string();
  bool serving = false;
  const auto replaced = replace_file(settings_.certificate, pem, [&](const std::filesystem::path& fresh) {
    auto served = hooks_.serve(fresh.string(), fresh.string(), ca);
    serving = served.has_value();
    return served;
  });
  if (!replaced) {
    if (serving) (void)hooks_.serve(settings_.certificate.string(), settings_.certificate.string(), ca);
    return tl::unexpected(unwritable(replaced.error()));
  }
  facts_ = *checked;
  told_stage_.reset();
  spdlog::info("octavia: new certificate in use: {}, serial {}, until {}", facts_->subject, facts_->serial, api::utc_text(facts_->not_after));
  warn_of_expiry();
  return {};
}

PairFiles::Adopted PairFiles::adopt_config(const std::string& ini) {
  const auto parsed = api::parse_agent_config(ini);
  if (!parsed) return tl::unexpected(unusable(parsed.error()));
  if (parsed->amphora_id != settings_.distributor_id) {
    return tl::unexpected(unusable({"amphora_agent.amphora_id: wanted " + settings_.distributor_id + ", found " +
                                    (parsed->amphora_id ? api::excerpt(*parsed->amphora_id) : "none")}));
  }
  if (const auto replaced = replace_file(settings_.agent_config, ini); !replaced) return tl::unexpected(unwritable(replaced.error()));
  config_note_ = hooks_.reconfigure(*parsed);
  spdlog::info("octavia: new agent configuration in use{}{}", config_note_.empty() ? "" : "; ", config_note_);
  return {};
}

Document::Done PairFiles::answer(const api::Backend::StoreDone& done, const std::string& note) const {
  return [this, done, note](tl::expected<Document::Outcome, api::ApiError> outcome) {
    if (!outcome) return done(tl::unexpected(std::move(outcome.error())));
    api::StoredOutcome stored{.changed = outcome->changed, .held_by = {settings_.node}, .note = outcome->note};
    if (outcome->on_peer) stored.held_by.push_back(*settings_.peer);
    if (!note.empty()) stored.note += (stored.note.empty() ? "" : "; ") + note;
    done(std::move(stored));
  };
}

void PairFiles::put_certificate(const std::string& pem, const api::Backend::StoreDone& done) { certificate_.put(pem, answer(done, {}), now()); }

void PairFiles::put_config(const std::string& ini, const api::Backend::StoreDone& done) {
  agent_config_.put(ini, [this, done](tl::expected<Document::Outcome, api::ApiError> outcome) { answer(done, config_note_)(std::move(outcome)); }, now());
}

void PairFiles::reload() {
  const auto file = settings_.certificate.string();
  if (const auto served = hooks_.serve(file, file, settings_.client_ca.string()); !served) {
    spdlog::error("octavia: reload: {}; the certificate in use stays", served.error());
  } else {
    spdlog::info("octavia: reload: certificate and client CAs read anew");
    look_at_certificate();
    certificate_.changed_by_hand(now());
  }
  const auto ini = read_file(settings_.agent_config, kDocumentBytesMax);
  if (ini.empty()) return;
  if (const auto parsed = api::parse_agent_config(ini)) {
    config_note_ = hooks_.reconfigure(*parsed);
    agent_config_.changed_by_hand(now());
  } else {
    spdlog::error("octavia: reload: {}: {}; the one in use stays", settings_.agent_config.string(), parsed.error().front());
  }
}

void PairFiles::on_connected() {
  certificate_.on_connected(now());
  agent_config_.on_connected(now());
}

void PairFiles::on_disconnected() {
  certificate_.on_disconnected();
  agent_config_.on_disconnected();
}

void PairFiles::on_frame(std::string_view frame) {
  const auto kind = kind_of_frame(frame);
  if (!kind) return;
  (*kind == DocumentKind::certificate ? certificate_ : agent_config_).on_frame(frame, now());
}

void PairFiles::tick() {
  certificate_.tick(now());
  agent_config_.tick(now());
  warn_of_expiry();
}

// The one that was there at start is served whatever it is: refusing to start would help nobody.
void PairFiles::look_at_certificate() {
  const auto pem = read_file(settings_.certificate, api::kBundleBytesMax);
  auto checked = api::check_bundle(pem, settings_.distributor_id, std::chrono::system_clock::now());
  if (!checked) spdlog::error("octavia: {} would be refused if it were sent now: {}", settings_.certificate.string(), api::details_of(checked.error()));
  facts_ = api::facts_of_bundle(pem);
  told_stage_.reset();
  warn_of_expiry();
}

void PairFiles::warn_of_expiry() {
  if (!facts_) return;
  const auto wall = std::chrono::system_clock::now();
  const auto stage = api::expiry_stage(facts_->not_after, wall);
  if (!stage || (stage == told_stage_ && wall - told_ < kExpiryRepeat)) return;
  told_stage_ = stage;
  told_ = wall;
  const auto end = api::utc_text(facts_->not_after);
  if (*stage == 0) {
    spdlog::error("octavia: the certificate expired at {}: Octavia refuses this node; put a new one into {} and reload", end, settings_.certificate.string());
  } else {
    spdlog::warn("octavia: the certificate expires at {}, in {} days or less: Octavia's housekeeping should have rotated it", end, *stage);
  }
}

}  // namespace distributor::node
