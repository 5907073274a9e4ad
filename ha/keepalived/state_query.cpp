#include "ha/keepalived/state_query.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json.hpp>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <vector>

namespace distributor::keepalived {
namespace {

constexpr std::size_t kDumpBytesMax = 1 << 20;

std::optional<std::string> read_file(const std::string& path, std::size_t bytes_max) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return std::nullopt;
  std::string text;
  std::array<char, 8192> buffer{};
  ssize_t got = 0;
  while (text.size() <= bytes_max && (got = ::read(fd, buffer.data(), buffer.size())) > 0) {
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  ::close(fd);
  if (got < 0 || text.size() > bytes_max) return std::nullopt;
  return text;
}

const boost::json::object* data_of(const boost::json::value& entry) {
  const auto* object = entry.if_object();
  const auto* data = object == nullptr ? nullptr : object->if_contains("data");
  return data == nullptr ? nullptr : data->if_object();
}

}  // namespace

tl::expected<VrrpState, std::string> parse_state_dump(std::string_view json, std::string_view instance) {
  boost::system::error_code error;
  boost::json::parse_options options;
  options.max_depth = 16;
  const boost::json::value root = boost::json::parse({json.data(), json.size()}, error, {}, options);
  if (error) return tl::unexpected("keepalived's state dump is no JSON: " + error.message());
  // 2.2.7 writes an array of instances; later versions an object with them under "vrrp".
  const auto* instances = root.if_array();
  if (const auto* object = root.if_object()) {
    const auto* vrrp = object->if_contains("vrrp");
    instances = vrrp == nullptr ? nullptr : vrrp->if_array();
  }
  if (instances == nullptr) return tl::unexpected(std::string("keepalived's state dump holds no list of instances"));
  for (const auto& entry : *instances) {
    const auto* data = data_of(entry);
    if (data == nullptr) continue;
    const auto* name = data->if_contains("iname");
    if (name == nullptr || !name->is_string() || name->get_string() != instance) continue;
    const auto* state = data->if_contains("state");
    if (state == nullptr || !state->is_int64()) break;
    switch (state->get_int64()) {
      case 0:
        return VrrpState::unknown;  // INIT: just starting
      case 1:
        return VrrpState::backup;
      case 2:
        return VrrpState::master;
      case 3:
        return VrrpState::fault;
      default:
        return tl::unexpected(std::string("keepalived's state dump has a state that is not 0..3"));
    }
  }
  return tl::unexpected("keepalived's state dump has no state for instance " + std::string(instance));
}

namespace {

// The process that a pid file of keepalived names.
tl::expected<pid_t, std::string> keepalived_process(const std::string& pid_file) {
  const auto text = read_file(pid_file, 64);
  if (!text) return tl::unexpected(pid_file + ": not readable; is keepalived running with this --pid file?");
  pid_t pid = 0;
  std::from_chars(text->data(), text->data() + text->size(), pid);
  if (pid <= 1) return tl::unexpected(pid_file + ": wanted a process id");
  // A pid file may outlive its process, and the number may be another's by now: a foreign process would die of the
  // signal.
  const auto name = read_file("/proc/" + std::to_string(pid) + "/comm", 64);
  if (!name || *name != "keepalived\n") {
    return tl::unexpected(pid_file + ": process " + std::to_string(pid) + " is not keepalived");
  }
  return pid;
}

}  // namespace

bool is_running(const std::string& pid_file) {
  const auto pid = keepalived_process(pid_file);
  if (!pid) return false;
  const auto stat = read_file("/proc/" + std::to_string(*pid) + "/stat", 512);
  const auto state = stat ? stat->rfind(") ") : std::string::npos;  // the name before it may hold anything
  return state != std::string::npos && state + 2 < stat->size() && (*stat)[state + 2] != 'Z' && (*stat)[state + 2] != 'X';
}

struct StateQuery::Impl : std::enable_shared_from_this<StateQuery::Impl> {
  Impl(boost::asio::io_context& loop, Config the_config) : io(loop), config(std::move(the_config)), timer(loop) {}

  tl::expected<void, std::string> send_signal() const;
  void start();
  void look();
  void finish(tl::expected<VrrpState, std::string> result);

  boost::asio::io_context& io;
  Config config;
  boost::asio::steady_timer timer;
  std::chrono::steady_clock::time_point deadline;
  std::vector<Done> waiting;
};

tl::expected<void, std::string> StateQuery::Impl::send_signal() const {
  const auto pid = keepalived_process(config.pid_file);
  if (!pid) return tl::unexpected(pid.error());
  if (::kill(*pid, config.signal_number) != 0) {
    return tl::unexpected("keepalived (process " + std::to_string(*pid) + ") cannot be asked: " + std::strerror(errno));
  }
  return {};
}

void StateQuery::Impl::start() {
  deadline = std::chrono::steady_clock::now() + config.timeout;
  ::unlink(config.dump_path.c_str());  // an old answer must not pass for the new one
  if (auto sent = send_signal(); !sent) return finish(tl::unexpected(sent.error()));
  look();
}

// keepalived puts the file in place before it fills it: an answer that does not parse yet is looked at again.
void StateQuery::Impl::look() {
  std::string why = config.dump_path + ": keepalived wrote no state dump";
  if (const auto text = read_file(config.dump_path, kDumpBytesMax); text && !text->empty()) {
    auto state = parse_state_dump(*text, config.instance_name);
    if (state) return finish(std::move(state));
    why = state.error();
  }
  if (std::chrono::steady_clock::now() >= deadline) return finish(tl::unexpected(why));
  timer.expires_after(config.poll_interval);
  timer.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    if (auto self = weak.lock(); self && !error) self->look();
  });
}

void StateQuery::Impl::finish(tl::expected<VrrpState, std::string> result) {
  for (const Done& done : std::exchange(waiting, {})) done(result);
}

StateQuery::StateQuery(boost::asio::io_context& io, Config config)
    : impl_(std::make_shared<Impl>(io, std::move(config))) {}
StateQuery::~StateQuery() {
  impl_->timer.cancel();
}

void StateQuery::ask(Done done) {
  impl_->waiting.push_back(std::move(done));
  if (impl_->waiting.size() > 1) return;
  boost::asio::post(impl_->io, [weak = std::weak_ptr<Impl>(impl_)] {
    if (auto self = weak.lock()) self->start();
  });
}

}  // namespace distributor::keepalived
