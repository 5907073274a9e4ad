// Files that must be whole after a power cut: written beside the old one, synced, renamed over it.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "node/octavia/document.hpp"

namespace distributor::node {

// Mode 0600. `use` sees the path of the complete new file before it takes the old one's place; its error leaves the old one there and
// is the result. A directory that is missing is made.
using UseFile = std::function<tl::expected<void, std::string>(const std::filesystem::path& complete)>;
tl::expected<void, std::string> replace_file(const std::filesystem::path& file, std::string_view content, const UseFile& use = {});

// Empty if it is not there or longer than bytes_max.
std::string read_file(const std::filesystem::path& file, std::size_t bytes_max);

// The records of all documents, one small JSON file. A file that cannot be read counts as absent: the peer's are taken then.
class RecordFile {
 public:
  explicit RecordFile(std::filesystem::path file);
  DocumentRecord record_of(DocumentKind kind) const;
  tl::expected<void, std::string> remember(DocumentKind kind, const DocumentRecord& record);

 private:
  std::filesystem::path file_;
  std::map<DocumentKind, DocumentRecord> records_;
};

}  // namespace distributor::node
