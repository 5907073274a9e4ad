// The files of a node: what is replaced, what is served, what is refused (P2).
#include "node/octavia/pair_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/api/certificates.hpp"

namespace distributor::node {
namespace {

using api::testing::Certificates;
using ::testing::HasSubstr;

constexpr const char* kId = "6f0c5a0e-6b8e-4d6c-9a53-0d5b1a3e7f10";

class PairFilesTest : public ::testing::Test {
 protected:
  PairFilesTest() {
    certificates.make_ca("ca");
    EXPECT_TRUE(replace_file(path("server.pem"), bundle("first")));
    EXPECT_TRUE(replace_file(path("client_ca.pem"), "CAs"));
    boot();
  }
  std::filesystem::path path(const std::string& file) const { return certificates.path("files/" + file); }
  std::string bundle(const std::string& name, const std::string& id = kId) {
    const auto identity = certificates.issue("ca", name, Certificates::Validity::now, id);
    return read_file(identity.certificate_file, 65536) + read_file(identity.key_file, 65536);
  }
  static std::string config(const std::string& id = kId, const std::string& key = "secret") {
    return "[health_manager]\nheartbeat_key = " + key + "\n[amphora_agent]\namphora_id = " + id + "\n";
  }
  void boot() {
    PairFiles::Settings settings;
    settings.certificate = path("server.pem");
    settings.client_ca = path("client_ca.pem");
    settings.agent_config = path("amphora-agent.conf");
    settings.records = path("files.json");
    settings.distributor_id = kId;
    settings.node = NodeId::parse("node-1").value();
    PairFiles::Hooks hooks;
    hooks.serve = [this](const std::string& certificate, const std::string&, const std::string&) -> tl::expected<void, std::string> {
      if (serving_fails) return tl::unexpected(std::string("no context"));
      served.push_back(read_file(certificate, 65536));
      return {};
    };
    hooks.send = [](std::string_view) { return false; };
    hooks.term = [] { return Term{1}; };
    hooks.reconfigure = [this](const api::AgentConfig& agent) {
      keys.push_back(agent.heartbeat_key.value_or(""));
      return std::string("a note");
    };
    files = std::make_unique<PairFiles>(settings, hooks);
  }
  void put(bool is_certificate, const std::string& content) {
    answer.reset();
    const auto done = [this](tl::expected<api::StoredOutcome, api::ApiError> outcome) { answer = std::move(outcome); };
    is_certificate ? files->put_certificate(content, done) : files->put_config(content, done);
  }
  void expect_refused(api::ErrorCode code, const std::string& said) {
    ASSERT_TRUE(answer && !*answer);
    EXPECT_EQ(answer->error().code, code);
    EXPECT_THAT(api::details_of(answer->error()), HasSubstr(said));
  }

  Certificates certificates;
  std::unique_ptr<PairFiles> files;
  std::vector<std::string> served;
  std::vector<std::string> keys;
  bool serving_fails = false;
  std::optional<tl::expected<api::StoredOutcome, api::ApiError>> answer;
};

TEST_F(PairFilesTest, ANewCertificateIsServedAndWritten) {  // P2
  const auto pem = bundle("second");
  put(true, pem);
  ASSERT_TRUE(answer && *answer);
  EXPECT_TRUE((*answer)->changed);
  EXPECT_EQ((*answer)->held_by.size(), 1U);
  EXPECT_EQ(read_file(path("server.pem"), 65536), pem);
  ASSERT_EQ(served.size(), 1U);
  EXPECT_EQ(served[0], pem) << "the complete new file, before it took the old one's place";
  EXPECT_EQ(files->certificate()->subject, "CN=second");
}

TEST_F(PairFilesTest, WhatCannotBeUsedLeavesTheOldOne) {  // P2
  const auto before = read_file(path("server.pem"), 65536);
  put(true, "garbage");
  expect_refused(api::ErrorCode::invalid_certificate, "wanted a CERTIFICATE block");
  put(true, bundle("stranger", "another-id"));
  expect_refused(api::ErrorCode::invalid_certificate, "another-id");
  serving_fails = true;
  put(true, bundle("second"));
  expect_refused(api::ErrorCode::store_failed, "no context");
  EXPECT_EQ(read_file(path("server.pem"), 65536), before);
  EXPECT_EQ(files->certificate()->subject, "CN=first");
}

TEST_F(PairFilesTest, AnAgentConfigurationIsCheckedWrittenAndUsed) {  // P2, L2
  put(false, config());
  ASSERT_TRUE(answer && *answer);
  EXPECT_EQ((*answer)->note, "a note");
  EXPECT_EQ(read_file(path("amphora-agent.conf"), 65536), config());
  EXPECT_THAT(keys, ::testing::ElementsAre("secret"));
  put(false, config("another-id", "other"));
  expect_refused(api::ErrorCode::invalid_config, "amphora_agent.amphora_id: wanted " + std::string(kId) + ", found another-id");
  put(false, "garbage\x01");
  expect_refused(api::ErrorCode::invalid_config, "control character");
  EXPECT_EQ(read_file(path("amphora-agent.conf"), 65536), config());
  EXPECT_EQ(keys.size(), 1U);
}

TEST_F(PairFilesTest, ReloadReadsWhatWasChangedByHand) {
  const auto pem = bundle("by-hand");
  ASSERT_TRUE(replace_file(path("server.pem"), pem));
  ASSERT_TRUE(replace_file(path("amphora-agent.conf"), config(kId, "by hand")));
  files->reload();
  EXPECT_THAT(served, ::testing::ElementsAre(pem));
  EXPECT_EQ(files->certificate()->subject, "CN=by-hand");
  EXPECT_THAT(keys, ::testing::ElementsAre("by hand"));
  serving_fails = true;
  ASSERT_TRUE(replace_file(path("server.pem"), "garbage"));
  files->reload();
  EXPECT_EQ(files->certificate()->subject, "CN=by-hand");
}

TEST_F(PairFilesTest, ACertificateThatCannotBeReadHasNoEnd) {
  ASSERT_TRUE(replace_file(path("server.pem"), "garbage"));
  boot();
  EXPECT_FALSE(files->certificate());
}

}  // namespace
}  // namespace distributor::node
