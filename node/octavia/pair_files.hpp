// What Octavia gives this pair as files, as it does an amphora: the server's certificate and the agent configuration. Checks, writes,
// uses, and hands to the peer through a Document each; watches the certificate's end. One thread (the event loop).
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "api/agent_config/agent_config.hpp"
#include "api/backend/backend.hpp"
#include "api/certificate/bundle.hpp"
#include "node/octavia/document.hpp"
#include "node/octavia/document_file.hpp"

namespace distributor::node {

class PairFiles {
 public:
  struct Settings {
    std::filesystem::path certificate;   // chain and key in one file
    std::filesystem::path client_ca;
    std::filesystem::path agent_config;
    std::filesystem::path records;
    std::string distributor_id;          // wanted in the certificate's SAN and as amphora_id
    NodeId node;
    std::optional<NodeId> peer;
  };
  struct Hooks {
    // For new connections from now on; on an error the old one stays.
    std::function<tl::expected<void, std::string>(const std::string& certificate, const std::string& key, const std::string& client_ca)> serve;
    std::function<bool(std::string_view frame)> send;                  // to the peer
    std::function<Term()> term;                                        // of the replication, now
    std::function<std::string(const api::AgentConfig&)> reconfigure;   // uses it; what waits for a restart or is overruled, or empty
  };

  PairFiles(Settings settings, Hooks hooks);

  void put_certificate(const std::string& pem, const api::Backend::StoreDone& done);
  void put_config(const std::string& ini, const api::Backend::StoreDone& done);
  // The files were changed by hand (SIGHUP): certificate, client CAs and agent configuration anew.
  void reload();

  void on_connected();
  void on_disconnected();
  void on_frame(std::string_view frame);
  void tick();

  // Absent: the present certificate could not be read.
  const std::optional<api::CertificateFacts>& certificate() const { return facts_; }
  const Document& document(DocumentKind kind) const { return kind == DocumentKind::certificate ? certificate_ : agent_config_; }

 private:
  using Adopted = tl::expected<void, api::ApiError>;
  Document::Hooks hooks_of(DocumentKind kind, std::function<Adopted(const std::string&)> adopt, const std::filesystem::path& file);
  Adopted adopt_certificate(const std::string& pem);
  Adopted adopt_config(const std::string& ini);
  Document::Done answer(const api::Backend::StoreDone& done, const std::string& note) const;
  void look_at_certificate();
  void warn_of_expiry();

  Settings settings_;
  Hooks hooks_;
  RecordFile records_;
  Document certificate_;
  Document agent_config_;
  std::optional<api::CertificateFacts> facts_;
  std::string config_note_;
  std::optional<int> told_stage_;
  api::WallTime told_{};
};

}  // namespace distributor::node
