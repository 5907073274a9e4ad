#include "sync/store/detail/error.hpp"

#include <sqlite3.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>

namespace distributor::store::detail {
namespace {

constexpr const char* kFixDisk = "look at the disk, its file system and the kernel log, the folder must be writable; then restart the daemon";
constexpr const char* kFixSpace = "make room on the file system of the store; a running daemon goes on by itself then";
constexpr const char* kFixCorrupt =
    "move the file away and restart: the node then takes everything from its peer; without a peer put a backup in its "
    "place";

}  // namespace

StoreError error_from(const SQLite::Exception& exception, const std::string& wanted) {
  const auto message = wanted + ": " + exception.getErrorStr() + " (SQLite " +
                       std::to_string(exception.getExtendedErrorCode()) + ": " + exception.what() + ")";
  switch (exception.getErrorCode() & 0xff) {
    case SQLITE_FULL:
      return {StoreErrorCode::full, message, kFixSpace};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {StoreErrorCode::in_use, message, "stop the other program that has the file open"};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return corrupt(message);
    case SQLITE_CONSTRAINT:
      return bad_batch(message);
    default:
      return {StoreErrorCode::io, message, kFixDisk};
  }
}

StoreError error_from_errno(int error, const std::string& wanted) {
  const auto message = wanted + ": " + std::generic_category().message(error);
  if (error == ENOSPC || error == EDQUOT) return {StoreErrorCode::full, message, kFixSpace};
  return {StoreErrorCode::io, message, kFixDisk};
}

// A page that the disk does not give back is in the verdict like one that is damaged, but with the code of the read.
StoreError error_from_check(const std::string& verdict) {
  const std::string before_code = "error code=";
  const auto message = "SQLite's check of the store found: " + verdict;
  const auto at = verdict.find(before_code);
  const auto code = at == std::string::npos ? 0UL : std::strtoul(verdict.c_str() + at + before_code.size(), nullptr, 10);
  if ((code & 0xffU) == SQLITE_IOERR) return {StoreErrorCode::io, message, kFixDisk};
  return corrupt(message);
}

StoreError corrupt(const std::string& message) {
  return {StoreErrorCode::corrupt, message, kFixCorrupt};
}

StoreError bad_batch(const std::string& message) {
  return {StoreErrorCode::bad_batch, message, "restart the daemon; report this with its log"};
}

}  // namespace distributor::store::detail
