// Files are whole or not there (P2).
#include "node/octavia/document_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/unit/scratch_folder.hpp"

namespace distributor::node {
namespace {

class DocumentFile : public ::testing::Test {
 protected:
  const test::ScratchFolder directory;
};

TEST_F(DocumentFile, IsReplacedWholeAndForItsOwnerOnly) {
  const auto file = directory / "made" / "server.pem";
  ASSERT_TRUE(replace_file(file, "one"));
  ASSERT_TRUE(replace_file(file, "two"));
  EXPECT_EQ(read_file(file, 100), "two");
  struct stat found {};
  ASSERT_EQ(::stat(file.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0600U);
}

TEST_F(DocumentFile, AnInterruptedAttemptIsNoObstacle) {
  const auto file = directory / "server.pem";
  std::ofstream(directory / "server.pem.new") << "half";
  ASSERT_TRUE(replace_file(file, "whole"));
  EXPECT_EQ(read_file(file, 100), "whole");
  EXPECT_FALSE(std::filesystem::exists(directory / "server.pem.new"));
}

TEST_F(DocumentFile, WhatCannotBeUsedNeverTakesTheOldOnesPlace) {
  const auto file = directory / "server.pem";
  ASSERT_TRUE(replace_file(file, "old"));
  std::string seen;
  const auto replaced = replace_file(file, "new", [&](const std::filesystem::path& complete) -> tl::expected<void, std::string> {
    seen = read_file(complete, 100);
    return tl::unexpected(std::string("no"));
  });
  EXPECT_EQ(replaced.error(), "no");
  EXPECT_EQ(seen, "new");
  EXPECT_EQ(read_file(file, 100), "old");
  EXPECT_FALSE(std::filesystem::exists(directory / "server.pem.new"));
}

TEST_F(DocumentFile, LongerThanItsBoundCountsAsAbsent) {
  const auto file = directory / "server.pem";
  ASSERT_TRUE(replace_file(file, "12345"));
  EXPECT_EQ(read_file(file, 5), "12345");
  EXPECT_EQ(read_file(file, 4), "");
  EXPECT_EQ(read_file(directory / "absent", 4), "");
}

TEST_F(DocumentFile, RecordsSurviveARestart) {
  const auto file = directory / "files.json";
  const DocumentRecord certificate{7, sha256("certificate"), 6};
  const DocumentRecord config{1, sha256("config"), 1};
  {
    RecordFile records(file);
    EXPECT_EQ(records.record_of(DocumentKind::certificate), DocumentRecord{});
    ASSERT_TRUE(records.remember(DocumentKind::certificate, certificate));
    ASSERT_TRUE(records.remember(DocumentKind::agent_config, config));
  }
  RecordFile again(file);
  EXPECT_EQ(again.record_of(DocumentKind::certificate), certificate);
  EXPECT_EQ(again.record_of(DocumentKind::agent_config), config);
}

TEST_F(DocumentFile, DamagedRecordsCountAsNone) {
  for (const auto* text : {"", "garbage", "[]", R"({"certificate":{}})", R"({"certificate":{"generation":1,"digest":"zz","peer_generation":0}})",
                           R"({"certificate":{"generation":-1,"digest":"","peer_generation":0}})"}) {
    ASSERT_TRUE(replace_file(directory / "files.json", text));
    EXPECT_EQ(RecordFile(directory / "files.json").record_of(DocumentKind::certificate), DocumentRecord{}) << text;
  }
}

}  // namespace
}  // namespace distributor::node
