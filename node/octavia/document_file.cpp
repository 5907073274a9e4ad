#include "node/octavia/document_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>

#include "node/descriptor/descriptor.hpp"

namespace distributor::node {
namespace {

namespace json = boost::json;

constexpr std::size_t kRecordFileBytesMax = 4096;

tl::unexpected<std::string> failed(const char* what, const std::filesystem::path& file) {
  return tl::unexpected(std::string(what) + " " + file.string() + ": " + std::strerror(errno));
}

tl::expected<void, std::string> write_synced(const std::filesystem::path& file, std::string_view content) {
  ::unlink(file.c_str());  // of an interrupted attempt: its mode or owner may be another
  const Descriptor target(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (target.get() < 0) return failed("cannot write", file);
  while (!content.empty()) {
    const auto written = ::write(target.get(), content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return failed("cannot write", file);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(target.get()) != 0) return failed("cannot sync", file);
  return {};
}

tl::expected<void, std::string> sync_directory(const std::filesystem::path& directory) {
  const Descriptor target(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (target.get() < 0 || ::fsync(target.get()) != 0) return failed("cannot sync", directory);
  return {};
}

std::optional<Digest> digest_from_hex(std::string_view text) {
  Digest digest;
  if (text.size() != digest.bytes.size() * 2) return std::nullopt;
  for (std::size_t i = 0; i < digest.bytes.size(); ++i) {
    const auto* begin = text.data() + i * 2;
    if (std::from_chars(begin, begin + 2, digest.bytes[i], 16).ptr != begin + 2) return std::nullopt;
  }
  return digest;
}

std::optional<DocumentRecord> record_from(const json::value* value) {
  if (value == nullptr || !value->is_object()) return std::nullopt;
  const auto& object = value->get_object();
  const auto* generation = object.if_contains("generation");
  const auto* peer = object.if_contains("peer_generation");
  const auto* digest = object.if_contains("digest");
  if (generation == nullptr || peer == nullptr || digest == nullptr || !digest->is_string()) return std::nullopt;
  boost::system::error_code bad;
  DocumentRecord record;
  record.generation = generation->to_number<std::uint64_t>(bad);
  if (!bad) record.peer_generation = peer->to_number<std::uint64_t>(bad);
  const auto parsed = digest_from_hex(digest->get_string());
  if (bad || !parsed) return std::nullopt;
  record.digest = *parsed;
  return record;
}

const char* key_of(DocumentKind kind) { return kind == DocumentKind::certificate ? "certificate" : "agent_config"; }
constexpr std::array kKinds = {DocumentKind::certificate, DocumentKind::agent_config};

}  // namespace

tl::expected<void, std::string> replace_file(const std::filesystem::path& file, std::string_view content, const UseFile& use) {
  std::error_code made;
  std::filesystem::create_directories(file.parent_path(), made);
  if (made) return tl::unexpected("cannot make " + file.parent_path().string() + ": " + made.message());
  auto fresh = file;
  fresh += ".new";
  auto written = write_synced(fresh, content);
  if (written && use) written = use(fresh);
  if (!written) {
    ::unlink(fresh.c_str());
    return written;
  }
  if (::rename(fresh.c_str(), file.c_str()) != 0) {
    auto failure = failed("cannot replace", file);
    ::unlink(fresh.c_str());
    return failure;
  }
  return sync_directory(file.parent_path());
}

std::string read_file(const std::filesystem::path& file, std::size_t bytes_max) {
  std::ifstream input(file, std::ios::binary);
  std::string content(bytes_max + 1, '\0');
  input.read(content.data(), static_cast<std::streamsize>(content.size()));
  content.resize(static_cast<std::size_t>(input.gcount()));
  return content.size() > bytes_max ? std::string() : content;
}

RecordFile::RecordFile(std::filesystem::path file) : file_(std::move(file)) {
  boost::system::error_code bad;
  const auto value = json::parse(read_file(file_, kRecordFileBytesMax), bad);
  if (bad || !value.is_object()) return;
  for (const auto kind : kKinds) {
    if (auto record = record_from(value.get_object().if_contains(key_of(kind)))) records_[kind] = *record;
  }
}

DocumentRecord RecordFile::record_of(DocumentKind kind) const {
  const auto found = records_.find(kind);
  return found == records_.end() ? DocumentRecord{} : found->second;
}

tl::expected<void, std::string> RecordFile::remember(DocumentKind kind, const DocumentRecord& record) {
  records_[kind] = record;
  json::object object;
  for (const auto& [one, kept] : records_) {
    object[key_of(one)] = json::object{{"generation", kept.generation}, {"digest", kept.digest.hex()}, {"peer_generation", kept.peer_generation}};
  }
  return replace_file(file_, json::serialize(object) + "\n");
}

}  // namespace distributor::node
