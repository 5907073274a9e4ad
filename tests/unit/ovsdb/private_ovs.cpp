#include "tests/unit/ovsdb/private_ovs.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace distributor::test {
namespace {

constexpr const char* kSchema = "/usr/share/openvswitch/vswitch.ovsschema";

std::vector<char*> arguments_of(const std::vector<std::string>& command) {
  std::vector<char*> out;
  for (const auto& argument : command) out.push_back(const_cast<char*>(argument.c_str()));
  out.push_back(nullptr);
  return out;
}

// In the child, between fork and exec.
[[noreturn]] void execute(const std::vector<std::string>& command, const std::string& directory, int output) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (const char* name : {"OVS_RUNDIR", "OVS_LOGDIR", "OVS_SYSCONFDIR", "OVS_DBDIR"}) {
    ::setenv(name, directory.c_str(), 1);
  }
  ::setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(null, 0);
  ::dup2(output, 1);
  ::dup2(output, 2);
  ::execvp(command[0].c_str(), arguments_of(command).data());
  ::_exit(127);
}

void end(pid_t& pid) {
  if (pid <= 0) return;
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  pid = 0;
}

bool have(const std::string& program) {
  for (const char* directory : {"/usr/sbin/", "/usr/bin/", "/usr/local/sbin/", "/usr/local/bin/"}) {
    if (std::filesystem::exists(directory + program)) return true;
  }
  return false;
}

}  // namespace

UnixCtl::UnixCtl(const std::string& path) {
  fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error("cannot connect to " + path + ": " + std::strerror(errno));
  }
}

UnixCtl::~UnixCtl() {
  ::close(fd_);
}

std::string UnixCtl::call(const std::string& method, const std::vector<std::string>& arguments) {
  boost::json::array params;
  for (const auto& argument : arguments) params.emplace_back(argument);
  const std::string request =
      boost::json::serialize(boost::json::object{{"id", ++id_}, {"method", method}, {"params", params}});
  if (::send(fd_, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
    throw std::runtime_error("unixctl: short write");
  }
  boost::json::stream_parser parser;
  std::array<char, 65536> buffer{};
  while (!parser.done()) {
    const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (got <= 0) throw std::runtime_error("unixctl: connection ended");
    parser.write(buffer.data(), static_cast<std::size_t>(got));
  }
  const auto answer = parser.release().as_object();
  if (!answer.at("error").is_null()) throw std::runtime_error(std::string(answer.at("error").as_string()));
  return std::string(answer.at("result").as_string());
}

std::string PrivateOvs::missing() {
  for (const char* program : {"ovsdb-server", "ovsdb-tool", "ovs-vswitchd", "ovs-ofctl", "ovs-vsctl"}) {
    if (!have(program)) return std::string("Open vSwitch is not installed: no ") + program;
  }
  return std::filesystem::exists(kSchema) ? "" : std::string("Open vSwitch is not installed: no ") + kSchema;
}

PrivateOvs::PrivateOvs(Options options) : options_(options) {
  run({"ovsdb-tool", "create", directory_ + "/conf.db", kSchema});
  start_db();
  if (options_.start_vswitchd) start_vswitchd();
}

PrivateOvs::~PrivateOvs() {
  vswitchd_ctl_.reset();
  end(vswitchd_);
  end(db_);
}

void PrivateOvs::start_db() {
  ::unlink(db_socket().c_str());
  ::unlink((directory_ + "/conf.db.~lock~").c_str());
  db_ = spawn({"ovsdb-server", directory_ + "/conf.db", "--remote=punix:" + db_socket(),
               "--unixctl=" + directory_ + "/db.ctl", "--log-file=" + directory_ + "/db.log"},
              "db.sock");
}

void PrivateOvs::start_vswitchd() {
  vswitchd_ctl_.reset();
  ::unlink((directory_ + "/vswitchd.ctl").c_str());
  std::vector<std::string> command{"ovs-vswitchd",
                                   "unix:" + db_socket(),
                                   "--enable-dummy",
                                   "--unixctl=" + directory_ + "/vswitchd.ctl",
                                   "--log-file=" + directory_ + "/vswitchd.log",
                                   "--pidfile=" + directory_ + "/vswitchd.pid"};
  if (!options_.system_datapath) command.insert(command.end(), {"--disable-system", "--disable-system-route"});
  vswitchd_ = spawn(command, "vswitchd.ctl");
}

void PrivateOvs::stop_db() {
  end(db_);
}

void PrivateOvs::stop_vswitchd() {
  vswitchd_ctl_.reset();
  end(vswitchd_);
}

UnixCtl& PrivateOvs::vswitchd() {
  if (!vswitchd_ctl_) vswitchd_ctl_ = std::make_unique<UnixCtl>(directory_ + "/vswitchd.ctl");
  return *vswitchd_ctl_;
}

pid_t PrivateOvs::spawn(const std::vector<std::string>& command, const std::string& ready_file) const {
  const int watch = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  ::inotify_add_watch(watch, directory_.c_str(), IN_CREATE | IN_MOVED_TO);
  const int output = ::open((directory_ + "/output.txt").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const pid_t child = ::fork();
  if (child == 0) execute(command, directory_, output);
  ::close(output);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!std::filesystem::exists(directory_ + "/" + ready_file)) {
    pollfd event{watch, POLLIN, 0};
    ::poll(&event, 1, 500);
    std::array<char, 4096> drained{};
    while (::read(watch, drained.data(), drained.size()) > 0) {
    }
    if (::waitpid(child, nullptr, WNOHANG) == child || std::chrono::steady_clock::now() > until) {
      ::close(watch);
      std::ifstream said(directory_ + "/output.txt");
      throw std::runtime_error(command[0] + " did not start: " + std::string(std::istreambuf_iterator(said), {}));
    }
  }
  ::close(watch);
  return child;
}

std::string PrivateOvs::run(const std::vector<std::string>& command) const {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe failed");
  const pid_t child = ::fork();
  if (child == 0) execute(command, directory_, pipe[1]);
  ::close(pipe[1]);
  std::string output;
  std::array<char, 65536> buffer{};
  for (ssize_t got = 0; (got = ::read(pipe[0], buffer.data(), buffer.size())) > 0;) {
    output.append(buffer.data(), static_cast<std::size_t>(got));
  }
  ::close(pipe[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (status != 0) throw std::runtime_error(command[0] + " failed: " + output);
  return output;
}

std::string PrivateOvs::vsctl(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), {"ovs-vsctl", "--db=unix:" + db_socket(), "--timeout=20"});
  return run(arguments);
}

std::string PrivateOvs::ofctl(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), {"ovs-ofctl", "-O", "OpenFlow15", "--timeout=20"});
  return run(arguments);
}

}  // namespace distributor::test
