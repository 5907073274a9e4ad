#include "sync/store/detail/error.hpp"

#include <sqlite3.h>

#include <cerrno>
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

StoreError corrupt(const std::string& message) {
  return {StoreErrorCode::corrupt, message, kFixCorrupt};
}

StoreError bad_batch(const std::string& message) {
  return {StoreErrorCode::bad_batch, message, "restart the daemon; report this with its log"};
}

}  // namespace distributor::store::detail
