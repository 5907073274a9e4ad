#include "sync/store/detail/file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace distributor::store::detail {
namespace {

constexpr mode_t kFolderMode = 0700;
constexpr mode_t kFileMode = 0600;

[[noreturn]] void refuse(int error, const std::string& wanted) {
  throw Refused{error_from_errno(error, wanted)};
}

Descriptor open_or_throw(const std::filesystem::path& path, int flags, const std::string& wanted) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, kFileMode);
  if (fd < 0) refuse(errno, wanted + " " + path.string());
  return Descriptor(fd);
}

std::filesystem::path folder_of(const std::filesystem::path& path) {
  const auto parent = path.parent_path();
  return parent.empty() ? std::filesystem::path(".") : parent;
}

std::string holder(int fd) {
  std::array<char, 32> text{};
  const auto length = ::pread(fd, text.data(), text.size() - 1, 0);
  if (length <= 0) return "another process";
  return "process " + std::string(text.data(), static_cast<std::size_t>(length));
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this == &other) return *this;
  if (fd_ >= 0) ::close(fd_);
  fd_ = other.release();
  return *this;
}

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

int Descriptor::release() {
  return std::exchange(fd_, -1);
}

void make_folders(const std::filesystem::path& folder) {
  std::error_code unreadable;  // then mkdir says what is wrong
  if (folder.empty() || std::filesystem::is_directory(folder, unreadable)) return;
  make_folders(folder.parent_path());
  if (::mkdir(folder.c_str(), kFolderMode) != 0 && errno != EEXIST) refuse(errno, "make folder " + folder.string());
  sync_path(folder_of(folder));
}

void make_file(const std::filesystem::path& file, bool must_be_new) {
  const int exclusive = must_be_new ? O_EXCL : 0;
  const auto fd = open_or_throw(file, O_RDWR | O_CREAT | exclusive, must_be_new ? "make new file" : "open");
  sync_path(folder_of(file));
}

void sync_path(const std::filesystem::path& path) {
  const auto fd = open_or_throw(path, O_RDONLY, "open");
  if (::fsync(fd.get()) != 0) refuse(errno, "fsync " + path.string());
}

void sync_leftovers(const std::filesystem::path& file) {
  sync_path(file);
  const std::filesystem::path log(file.string() + "-wal");
  std::error_code unreadable;
  if (std::filesystem::exists(log, unreadable)) sync_path(log);
}

void copy_file(const std::filesystem::path& from, const std::filesystem::path& to) {
  const auto source = open_or_throw(from, O_RDONLY, "open");
  const auto target = open_or_throw(to, O_WRONLY | O_CREAT | O_EXCL, "make new file");
  std::array<char, 65536> block{};
  off_t at = 0;
  for (;;) {
    const auto bytes = ::pread(source.get(), block.data(), block.size(), at);
    if (bytes < 0) refuse(errno, "read " + from.string());
    if (bytes == 0) break;
    if (::pwrite(target.get(), block.data(), static_cast<std::size_t>(bytes), at) != bytes) refuse(errno, "write " + to.string());
    at += bytes;
  }
  if (::fsync(target.get()) != 0) refuse(errno, "fsync " + to.string());
}

void rename_file(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) refuse(errno, "rename " + from.string() + " to " + to.string());
  sync_path(folder_of(to));
}

void check_room(const std::filesystem::path& file) {
  const std::filesystem::path scratch(file.string() + ".room");
  const auto room = open_or_throw(scratch, O_WRONLY | O_CREAT, "make");
  const std::string block(kRoomBytes, '\0');
  const auto written = ::pwrite(room.get(), block.data(), block.size(), 0);
  const int error = written < 0 ? errno : ENOSPC;  // a short write is a full disk too
  const bool enough = written == static_cast<ssize_t>(block.size()) && ::fsync(room.get()) == 0;
  ::unlink(scratch.c_str());
  if (!enough) refuse(error, "write " + std::to_string(kRoomBytes) + " bytes to " + scratch.string());
}

void give_to_owner_of_folder(const std::filesystem::path& file) {
  struct stat folder{};
  if (::geteuid() != 0) return;
  if (::stat(file.parent_path().c_str(), &folder) != 0 || ::chown(file.c_str(), folder.st_uid, folder.st_gid) != 0) refuse(errno, "give to the owner of its folder " + file.string());
}

Descriptor lock(const std::filesystem::path& file) {
  const std::filesystem::path side(file.string() + ".lock");
  auto fd = open_or_throw(side, O_RDWR | O_CREAT, "open lock file");
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) refuse(errno, "lock " + side.string());
    throw Refused{{StoreErrorCode::in_use, "the store " + file.string() + " is open in " + holder(fd.get()),
                   "stop that process, or give this one a store of its own"}};
  }
  // For the message above only: the lock itself is the kernel's.
  const auto pid = std::to_string(::getpid());
  if (::ftruncate(fd.get(), 0) != 0 || ::pwrite(fd.get(), pid.data(), pid.size(), 0) < 0)
    refuse(errno, "write " + side.string());
  return fd;
}

}  // namespace distributor::store::detail
