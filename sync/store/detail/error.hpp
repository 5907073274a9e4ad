// Faults of SQLite and of the file system as StoreErrors: what happened, what the operator can do.
#pragma once

#include <SQLiteCpp/Exception.h>

#include <string>

#include "sync/store/store.hpp"

namespace distributor::store::detail {

// Thrown inside the store only, where SQLiteCpp throws too; the public functions turn both into values.
struct Refused {
  StoreError error;
};

StoreError error_from(const SQLite::Exception& exception, const std::string& wanted);
StoreError error_from_errno(int error, const std::string& wanted);
StoreError error_from_check(const std::string& verdict);  // of SQLite's check, other than "ok"
StoreError corrupt(const std::string& message);
StoreError bad_batch(const std::string& message);

}  // namespace distributor::store::detail
