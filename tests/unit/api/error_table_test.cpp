// The table of errors in docs/api.md is the one in the code.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "api/errors/api_error.hpp"

namespace distributor::api {
namespace {

TEST(ErrorTable, IsTheDocumentedOne) {
  std::ifstream file(std::string(SOURCE_DIRECTORY) + "/docs/api.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  std::string table = "| error | status | meaning | what to do |\n|---|---|---|---|\n";
  for (const auto& row : error_table()) {
    table += "| `" + std::string(row.name) + "` | " + std::to_string(row.status) + " | " + std::string(row.meaning) + " | " + std::string(row.remedy) + " |\n";
  }
  EXPECT_TRUE(page.ends_with(table)) << "docs/api.md must end with this table:\n" << table;
}

}  // namespace
}  // namespace distributor::api
