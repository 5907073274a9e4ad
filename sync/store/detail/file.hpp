// The file around the database: made with tight permissions, durable in its folder, held by one process.
#pragma once

#include <filesystem>

#include "sync/store/detail/error.hpp"

namespace distributor::store::detail {

// Owns a file descriptor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor();
  int get() const { return fd_; }

 private:
  int release();
  int fd_ = -1;
};

// Makes missing folders (0700), each durable in the one above. Throws Refused.
void make_folders(const std::filesystem::path& folder);

// Makes the file (0600) if it is missing. `must_be_new`: refuses one that exists.
void make_file(const std::filesystem::path& file, bool must_be_new);

// By root: the file belongs to whom its folder belongs, so that a daemon that is not root can open what root made for it.
void give_to_owner_of_folder(const std::filesystem::path& file);

// fsync of a file or folder.
void sync_path(const std::filesystem::path& path);

// What a process left that was killed between its write and its fsync is read back from the kernel's memory and looks
// durable: it is made so before anybody is told. Before the database is opened: closing a descriptor of it gives up SQLite's locks.
void sync_leftovers(const std::filesystem::path& file);

// Copies a file to one that does not exist yet (0600, fsync).
void copy_file(const std::filesystem::path& from, const std::filesystem::path& to);

// Renames within a folder, durably.
void rename_file(const std::filesystem::path& from, const std::filesystem::path& to);

// Writes, syncs and removes FILE.room, of kRoomBytes.
inline constexpr std::size_t kRoomBytes = 1U << 20U;
void check_room(const std::filesystem::path& file);

// Takes FILE.lock until the descriptor is closed, by whatever end of the process. Throws Refused with in_use, naming
// the holder.
Descriptor lock(const std::filesystem::path& file);

}  // namespace distributor::store::detail
