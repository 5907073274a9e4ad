// LD_PRELOAD library: remembers what a power cut would take. Before each change to the store in POWER_CUT_FOLDER, what it overwrites
// goes into a journal of that file in POWER_CUT_JOURNAL; fsync and fdatasync empty it. After a SIGKILL kill/power.py takes back,
// from the journals, what was never synced. Without the journals SIGKILL proves nothing about fsync: the kernel keeps every write.
//
// Journal of a file: records {offset, bytes, size before} and as many bytes as were there. Journal "folder": lines "create NAME" and
// "unlink NAME KEPT", emptied by fsync of the folder. POWER_CUT_FSYNC=ignored makes every fsync a lie that nobody notices
// but the power cut: the proof that the test would find a daemon which answers before its fsync.
//
// What the store does not use ends the process here, so that nothing can slip past the journals.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace {

constexpr std::string_view kStore = "registry.db";  // and what SQLite puts beside it

struct Settings {
  std::string folder;
  std::string journal;
  bool fsync_ignored = false;
};

const Settings& settings() {
  static const Settings read = [] {
    const auto value = [](const char* name) {
      const char* text = std::getenv(name);
      return std::string(text == nullptr ? "" : text);
    };
    Settings made{value("POWER_CUT_FOLDER"), value("POWER_CUT_JOURNAL"), value("POWER_CUT_FSYNC") == "ignored"};
    if (!made.journal.empty()) ::mkdir(made.journal.c_str(), 0700);
    return made;
  }();
  return read;
}

template <typename Function>
Function real(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

[[noreturn]] void unsupported(const char* what, const std::string& name) {
  std::fprintf(stderr, "power_cut: %s of %s is not journalled: extend tests/kill/power_cut.cpp\n", what, name.c_str());
  std::abort();
}

struct Tracked {
  bool folder = false;
  std::string name;   // in the folder; empty: not one of ours
  int journal = -1;
};
std::array<Tracked, 4096> descriptors;  // the store is opened, and written, by one thread

Tracked* tracked(int fd) {
  if (fd < 0 || static_cast<std::size_t>(fd) >= descriptors.size()) return nullptr;
  auto& one = descriptors[static_cast<std::size_t>(fd)];
  return one.folder || !one.name.empty() ? &one : nullptr;
}

// The name within the folder; empty if it is elsewhere, or no part of the store. The lock file holds nothing that matters.
std::string name_in_folder(const char* path) {
  const auto& folder = settings().folder;
  const std::string text(path);
  if (folder.empty() || text.size() <= folder.size() + 1 || text.compare(0, folder.size(), folder) != 0 || text[folder.size()] != '/') return {};
  const auto name = text.substr(folder.size() + 1);
  if (name.compare(0, kStore.size(), kStore) != 0) return {};
  const bool lock = name.size() > 5 && name.compare(name.size() - 5, 5, ".lock") == 0;
  return lock || name.find('/') != std::string::npos ? std::string() : name;
}

int open_journal(const std::string& name) {
  static const auto open_real = real<int (*)(const char*, int, ...)>("open");
  const int fd = open_real((settings().journal + "/" + name).c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) unsupported("opening the journal", name);
  return fd;
}

void put(int journal, const std::string& bytes) {
  static const auto write_real = real<ssize_t (*)(int, const void*, size_t)>("write");
  if (write_real(journal, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) unsupported("a full journal", "all");
}

void empty_journal(int journal) {
  static const auto truncate_real = real<int (*)(int, off_t)>("ftruncate64");
  if (truncate_real(journal, 0) != 0) unsupported("emptying the journal", "all");
}

void note_folder(const std::string& line) {
  const int journal = open_journal("folder");
  put(journal, line + "\n");
  ::close(journal);
}

void remember(int fd, const Tracked& file, std::uint64_t offset, std::uint64_t bytes) {
  struct stat now{};
  if (::fstat(fd, &now) != 0) unsupported("fstat", file.name);
  const auto size = static_cast<std::uint64_t>(now.st_size);
  const std::uint64_t there = offset >= size ? 0 : std::min(bytes, size - offset);
  const std::array<std::uint64_t, 3> head{offset, there, size};
  std::string record(sizeof head + there, '\0');
  std::memcpy(record.data(), head.data(), sizeof head);
  if (there > 0 && ::pread(fd, record.data() + sizeof head, there, static_cast<off_t>(offset)) != static_cast<ssize_t>(there)) {
    unsupported("reading what is overwritten", file.name);
  }
  put(file.journal, record);
}

int opened(int fd, const char* path, bool existed) {
  if (fd < 0 || static_cast<std::size_t>(fd) >= descriptors.size()) return fd;
  auto& one = descriptors[static_cast<std::size_t>(fd)];
  one.folder = settings().folder == path;
  one.name = name_in_folder(path);
  if (one.name.empty()) return fd;
  if (!existed) note_folder("create " + one.name);
  one.journal = open_journal(one.name);
  return fd;
}

int open_any(const char* symbol, const char* path, int flags, mode_t mode) {
  const auto open_real = real<int (*)(const char*, int, ...)>(symbol);
  const bool existed = ::access(path, F_OK) == 0;
  if (existed && (flags & O_TRUNC) != 0 && !name_in_folder(path).empty()) unsupported("opening with O_TRUNC", path);
  return opened(open_real(path, flags, mode), path, existed);
}

mode_t mode_of(int flags, va_list more) { return (flags & O_CREAT) != 0 ? static_cast<mode_t>(va_arg(more, unsigned)) : 0; }

int sync_any(const char* symbol, int fd) {
  auto* one = tracked(fd);
  if (one != nullptr && settings().fsync_ignored) return 0;
  const int done = real<int (*)(int)>(symbol)(fd);
  if (one == nullptr || done != 0) return done;
  const int journal = one->folder ? open_journal("folder") : one->journal;
  empty_journal(journal);
  if (one->folder) ::close(journal);
  return 0;
}

int truncate_any(const char* symbol, int fd, off_t size) {
  if (const auto* one = tracked(fd)) remember(fd, *one, static_cast<std::uint64_t>(size), UINT64_MAX);
  return real<int (*)(int, off_t)>(symbol)(fd, size);
}

ssize_t pwrite_any(const char* symbol, int fd, const void* bytes, size_t count, off_t offset) {
  if (const auto* one = tracked(fd)) remember(fd, *one, static_cast<std::uint64_t>(offset), count);
  return real<ssize_t (*)(int, const void*, size_t, off_t)>(symbol)(fd, bytes, count, offset);
}

void* map_any(const char* symbol, void* at, size_t size, int protection, int flags, int fd, off_t offset) {
  const auto* one = tracked(fd);
  if (one != nullptr && (protection & PROT_WRITE) != 0 && (flags & MAP_SHARED) != 0) unsupported("a writable mapping", one->name);
  return real<void* (*)(void*, size_t, int, int, int, off_t)>(symbol)(at, size, protection, flags, fd, offset);
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = mode_of(flags, more);
  va_end(more);
  return open_any("open", path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = mode_of(flags, more);
  va_end(more);
  return open_any("open64", path, flags, mode);
}
int close(int fd) {
  if (auto* one = tracked(fd)) {
    const int journal = one->journal;
    *one = Tracked{};
    if (journal >= 0) real<int (*)(int)>("close")(journal);
  }
  static const auto close_real = real<int (*)(int)>("close");
  return close_real(fd);
}
int fsync(int fd) { return sync_any("fsync", fd); }
int fdatasync(int fd) { return sync_any("fdatasync", fd); }
int ftruncate(int fd, off_t size) { return truncate_any("ftruncate", fd, size); }
int ftruncate64(int fd, off64_t size) { return truncate_any("ftruncate64", fd, size); }
ssize_t pwrite(int fd, const void* bytes, size_t count, off_t offset) { return pwrite_any("pwrite", fd, bytes, count, offset); }
ssize_t pwrite64(int fd, const void* bytes, size_t count, off64_t offset) { return pwrite_any("pwrite64", fd, bytes, count, offset); }
ssize_t write(int fd, const void* bytes, size_t count) {
  if (const auto* one = tracked(fd)) unsupported("write()", one->name);
  static const auto write_real = real<ssize_t (*)(int, const void*, size_t)>("write");
  return write_real(fd, bytes, count);
}
int fallocate(int fd, int mode, off_t offset, off_t size) {
  if (const auto* one = tracked(fd)) unsupported("fallocate()", one->name);
  return real<int (*)(int, int, off_t, off_t)>("fallocate")(fd, mode, offset, size);
}
void* mmap(void* at, size_t size, int protection, int flags, int fd, off_t offset) {
  return map_any("mmap", at, size, protection, flags, fd, offset);
}
void* mmap64(void* at, size_t size, int protection, int flags, int fd, off64_t offset) {
  return map_any("mmap64", at, size, protection, flags, fd, offset);
}
int rename(const char* from, const char* to) {
  if (!name_in_folder(from).empty() || !name_in_folder(to).empty()) unsupported("rename()", from);
  return real<int (*)(const char*, const char*)>("rename")(from, to);
}
int unlink(const char* path) {
  const auto name = name_in_folder(path);
  if (!name.empty()) {
    static unsigned count = 0;
    const auto kept = ".kept-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
    if (::link(path, (settings().folder + "/" + kept).c_str()) == 0) note_folder("unlink " + name + " " + kept);
    real<int (*)(const char*)>("unlink")((settings().journal + "/" + name).c_str());
  }
  return real<int (*)(const char*)>("unlink")(path);
}

}  // extern "C"
