#include "sync/link/keys.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace distributor::link {
namespace {

constexpr std::size_t kKeyFileBytesMax = 4096;
constexpr std::size_t kRawKeyBytes = 32;

// zmq_curve(7), "TEST KEY VALUES": printed for everybody to copy, and copied by many.
constexpr std::array<std::string_view, 4> kPublishedKeys = {
    "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID",
    "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs",
    "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7",
    "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6",
};

bool is_z85_key(std::string_view text) {
  std::array<std::uint8_t, kRawKeyBytes> raw{};
  const std::string copy(text);
  return text.size() == kKeyTextBytes && text.find('\0') == std::string_view::npos &&
         zmq_z85_decode(raw.data(), copy.c_str()) != nullptr;
}

KeyError error(KeyErrorCode code, std::string message) {
  return KeyError{code, std::move(message)};
}

class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

// Checks owner and mode of the file that was opened, not of a name that may change meanwhile.
tl::expected<std::string, KeyError> read_guarded(const std::filesystem::path& path, mode_t forbidden_bits,
                                                 const char* mode_wanted) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) {
    return tl::unexpected(error(KeyErrorCode::unreadable, path.string() + ": cannot be opened (" +
                                                              std::strerror(errno) +
                                                              "); make the keys with `distributorctl keygen`"));
  }
  struct stat info {};
  if (::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode) ||
      info.st_size > static_cast<off_t>(kKeyFileBytesMax)) {
    return tl::unexpected(
        error(KeyErrorCode::unreadable, path.string() + ": wanted a regular file of at most 4096 bytes"));
  }
  if ((info.st_mode & forbidden_bits) != 0 || (info.st_uid != 0 && info.st_uid != ::geteuid())) {
    return tl::unexpected(error(KeyErrorCode::permissions_wide,
                                path.string() + ": wanted mode " + mode_wanted +
                                    " and root or the daemon's user as owner; others could have read or changed "
                                    "it, so make a new key rather than changing the mode only"));
  }
  std::string text(kKeyFileBytesMax, '\0');
  std::size_t used = 0;
  while (used < text.size()) {
    const ssize_t got = ::read(file.get(), text.data() + used, text.size() - used);
    if (got < 0) return tl::unexpected(error(KeyErrorCode::unreadable, path.string() + ": " + std::strerror(errno)));
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
  }
  text.resize(used);
  return text;
}

struct Labelled {
  std::vector<std::string> public_keys;
  std::vector<std::string> secret_keys;
};

tl::expected<Labelled, KeyError> parse(const std::filesystem::path& path, std::string_view text) {
  constexpr std::string_view kPublic = "public: ";
  constexpr std::string_view kSecret = "secret: ";
  Labelled found;
  int line_number = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    ++line_number;
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.empty() || line.front() == '#') continue;
    const bool is_public = line.starts_with(kPublic);
    if ((!is_public && !line.starts_with(kSecret)) || !is_z85_key(line.substr(kPublic.size()))) {
      return tl::unexpected(
          error(KeyErrorCode::malformed, path.string() + " line " + std::to_string(line_number) +
                                             ": wanted `public: ` or `secret: ` and 40 characters of Z85"));
    }
    (is_public ? found.public_keys : found.secret_keys).emplace_back(line.substr(kPublic.size()));
  }
  return found;
}

tl::expected<void, KeyError> write_new(const std::filesystem::path& path, mode_t mode, const std::string& text) {
  const File file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (file.get() < 0) {
    return tl::unexpected(error(KeyErrorCode::unwritable, path.string() + ": cannot be made (" + std::strerror(errno) +
                                                              "); an existing key is never overwritten"));
  }
  if (::fchmod(file.get(), mode) != 0 ||
      ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) || ::fsync(file.get()) != 0) {
    const std::string why = std::strerror(errno);
    ::unlink(path.c_str());
    return tl::unexpected(error(KeyErrorCode::unwritable, path.string() + ": not written (" + why + ")"));
  }
  return {};
}

}  // namespace

KeyPair generate_key_pair() {
  std::array<char, kKeyTextBytes + 1> public_key{};
  std::array<char, kKeyTextBytes + 1> secret_key{};
  zmq_curve_keypair(public_key.data(), secret_key.data());
  KeyPair pair{public_key.data(), secret_key.data()};
  std::memset(secret_key.data(), 0, secret_key.size());
  return pair;
}

tl::expected<void, KeyError> check_public_key(std::string_view public_key) {
  if (!is_z85_key(public_key)) {
    return tl::unexpected(error(KeyErrorCode::malformed, "a public key is 40 characters of Z85, found " +
                                                             std::to_string(public_key.size()) + " bytes"));
  }
  for (const std::string_view published : kPublishedKeys) {
    if (public_key == published) {
      return tl::unexpected(error(KeyErrorCode::published_key,
                                  "this key is printed in ZeroMQ's manual, so everybody has its secret half; make one "
                                  "with `distributorctl keygen`"));
    }
  }
  return {};
}

tl::expected<void, KeyError> check_key_pair(const KeyPair& pair) {
  if (auto checked = check_public_key(pair.public_key); !checked) return checked;
  if (auto checked = check_public_key(pair.secret_key); !checked) {
    KeyError wrong = checked.error();
    wrong.message = "secret key: " + wrong.message;
    return tl::unexpected(wrong);
  }
  std::array<char, kKeyTextBytes + 1> derived{};
  if (zmq_curve_public(derived.data(), pair.secret_key.c_str()) != 0 || pair.public_key != derived.data()) {
    return tl::unexpected(
        error(KeyErrorCode::mismatch,
              "public and secret key do not belong together: the public half must be " + std::string(derived.data())));
  }
  return {};
}

tl::expected<KeyPair, KeyError> read_key_pair(const std::filesystem::path& path) {
  auto text = read_guarded(path, S_IRWXG | S_IRWXO, "0600");
  if (!text) return tl::unexpected(text.error());
  auto found = parse(path, *text);
  if (!found) return tl::unexpected(found.error());
  if (found->public_keys.size() != 1 || found->secret_keys.size() != 1) {
    return tl::unexpected(
        error(KeyErrorCode::malformed, path.string() + ": wanted one `public: ` and one `secret: ` line"));
  }
  KeyPair pair{found->public_keys.front(), found->secret_keys.front()};
  if (auto checked = check_key_pair(pair); !checked) {
    return tl::unexpected(error(checked.error().code, path.string() + ": " + checked.error().message));
  }
  return pair;
}

tl::expected<void, KeyError> write_key_pair(const std::filesystem::path& path, const KeyPair& pair) {
  if (auto checked = check_key_pair(pair); !checked) return checked;
  const std::string public_line = "public: " + pair.public_key + "\n";
  if (auto done = write_new(path, S_IRUSR | S_IWUSR, public_line + "secret: " + pair.secret_key + "\n"); !done)
    return done;
  std::filesystem::path public_path = path;
  public_path += ".pub";
  return write_new(public_path, S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH, public_line);
}

tl::expected<std::vector<std::string>, KeyError> read_peer_public_keys(const std::filesystem::path& path) {
  auto text = read_guarded(path, S_IWGRP | S_IWOTH, "0644");
  if (!text) return tl::unexpected(text.error());
  auto found = parse(path, *text);
  if (!found) return tl::unexpected(found.error());
  if (!found->secret_keys.empty() || found->public_keys.empty() || found->public_keys.size() > kPeerKeysMax) {
    return tl::unexpected(
        error(KeyErrorCode::malformed, path.string() + ": wanted one or two `public: ` lines and no secret key; the "
                                                       "peer's secret key stays on the peer"));
  }
  for (const std::string& key : found->public_keys) {
    if (auto checked = check_public_key(key); !checked) {
      return tl::unexpected(error(checked.error().code, path.string() + ": " + checked.error().message));
    }
  }
  return found->public_keys;
}

}  // namespace distributor::link
