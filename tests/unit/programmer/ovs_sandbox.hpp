// A private Open vSwitch (ovsdb-server and ovs-vswitchd with dummy datapath) in a directory of its own: no root, no
// kernel, no service. Several can exist at once. Its processes die with the test, however that ends; the directory goes
// with the sandbox.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/unit/scratch_folder.hpp"

namespace distributor::test {

class OvsSandbox {
 public:
  static bool installed() {
    return std::system("command -v ovs-vswitchd ovsdb-server ovsdb-tool ovs-vsctl ovs-ofctl >/dev/null 2>&1") == 0 &&
           std::filesystem::exists(kSchema);
  }

  OvsSandbox() {
    run("ovsdb-tool create " + directory_ + "/conf.db " + kSchema);
    start_ovsdb();
    vsctl("--no-wait init");
    start_vswitchd();
  }
  ~OvsSandbox() {
    end(vswitchd_);
    end(ovsdb_);
  }
  OvsSandbox(const OvsSandbox&) = delete;
  OvsSandbox& operator=(const OvsSandbox&) = delete;

  const std::string& directory() const { return directory_; }
  std::string database() const { return "unix:" + directory_ + "/db.sock"; }
  std::string management_socket(const std::string& bridge) const { return directory_ + "/" + bridge + ".mgmt"; }
  pid_t vswitchd() const { return vswitchd_; }

  // A bridge as the distributor wants it, with dummy ports numbered 1, 2, ...; returns when Open vSwitch has made it.
  void add_bridge(const std::string& name, const std::vector<std::string>& ports = {}) {
    vsctl("add-br " + name + " -- set bridge " + name + " datapath_type=dummy protocols=OpenFlow15 fail_mode=secure");
    for (std::size_t i = 0; i < ports.size(); ++i) add_port(name, ports[i], i + 1);
  }
  void add_port(const std::string& bridge, const std::string& port, std::size_t number) {
    vsctl("add-port " + bridge + " " + port + " -- set interface " + port +
          " type=dummy ofport_request=" + std::to_string(number));
  }

  // kill -9 and wait for its end. The bridge's management socket file is left behind, as after a real crash.
  void kill_vswitchd() { end(vswitchd_); }
  void start_vswitchd() {
    vswitchd_ = start({"ovs-vswitchd", database(), "--enable-dummy=override", "--disable-system",
                       "--disable-system-route", "-vconsole:off", "--unixctl=" + directory_ + "/vswitchd.ctl",
                       "--log-file=" + directory_ + "/vswitchd.log"});
  }
  void signal_vswitchd(int number) { kill(vswitchd_, number); }

  std::string vsctl(const std::string& arguments) {
    return run("ovs-vsctl --retry --timeout=20 --db=" + database() + " " + arguments);
  }
  std::string ofctl(const std::string& command, const std::string& bridge, const std::string& arguments = {}) {
    return run("ovs-ofctl -O OpenFlow15 " + command + " unix:" + management_socket(bridge) + " " + arguments);
  }
  std::string appctl(const std::string& arguments) {
    return run("ovs-appctl -t " + directory_ + "/vswitchd.ctl " + arguments);
  }

  // Output of a command that must succeed; both streams.
  std::string run(const std::string& command) {
    const std::string whole = "OVS_RUNDIR=" + directory_ + " OVS_LOGDIR=" + directory_ + " OVS_DBDIR=" + directory_ +
                              " OVS_SYSCONFDIR=" + directory_ + " " + command + " 2>&1";
    FILE* pipe = popen(whole.c_str(), "r");
    if (!pipe) throw std::runtime_error("OvsSandbox: cannot run " + command);
    std::string out;
    std::array<char, 4096> part{};
    while (const std::size_t count = std::fread(part.data(), 1, part.size(), pipe)) out.append(part.data(), count);
    if (pclose(pipe) != 0) throw std::runtime_error("OvsSandbox: " + command + " failed: " + out);
    return out;
  }

 private:
  static constexpr const char* kSchema = "/usr/share/openvswitch/vswitch.ovsschema";

  void start_ovsdb() {
    const int watch = inotify_init1(IN_CLOEXEC);
    inotify_add_watch(watch, directory_.c_str(), IN_CREATE);
    ovsdb_ = start({"ovsdb-server", directory_ + "/conf.db", "--remote=p" + database(), "-vconsole:off",
                    "--unixctl=" + directory_ + "/ovsdb.ctl", "--log-file=" + directory_ + "/ovsdb.log"});
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!std::filesystem::exists(directory_ + "/db.sock")) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
      pollfd event{watch, POLLIN, 0};
      std::array<char, 4096> ignored{};
      if (left <= 0 || poll(&event, 1, static_cast<int>(left)) <= 0 ||
          read(watch, ignored.data(), ignored.size()) <= 0) {
        close(watch);
        throw std::runtime_error("OvsSandbox: ovsdb-server did not open its socket");
      }
    }
    close(watch);
  }

  pid_t start(const std::vector<std::string>& command) {
    std::vector<char*> arguments;
    for (const std::string& part : command) arguments.push_back(const_cast<char*>(part.c_str()));
    arguments.push_back(nullptr);
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child < 0) throw std::runtime_error("OvsSandbox: cannot fork");
    if (child > 0) return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);
    for (const char* name : {"OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR"})
      setenv(name, directory_.c_str(), 1);
    const int null = open("/dev/null", O_RDWR);
    for (const int fd : {0, 1, 2}) dup2(null, fd);
    execvp(arguments[0], arguments.data());
    _exit(127);
  }

  static void end(pid_t& process) {
    if (process <= 0) return;
    kill(process, SIGKILL);
    waitpid(process, nullptr, 0);
    process = -1;
  }

  const ScratchFolder scratch_;
  const std::string directory_ = scratch_.path();
  pid_t ovsdb_ = -1;
  pid_t vswitchd_ = -1;
};

}  // namespace distributor::test
