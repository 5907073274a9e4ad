// A private ovsdb-server and ovs-vswitchd for one test: own directory, own database, dummy datapath allowed. Both end
// with it.
#pragma once

#include <sys/types.h>

#include <boost/json.hpp>
#include <memory>
#include <string>
#include <vector>

#include "tests/unit/scratch_folder.hpp"

namespace distributor::test {

// One JSON-RPC connection to a daemon's unixctl socket: what ovs-appctl does, without a process per call.
class UnixCtl {
 public:
  explicit UnixCtl(const std::string& path);
  ~UnixCtl();
  UnixCtl(const UnixCtl&) = delete;
  UnixCtl& operator=(const UnixCtl&) = delete;
  // The result's text. Throws std::runtime_error with the daemon's error.
  std::string call(const std::string& method, const std::vector<std::string>& arguments);

 private:
  int fd_ = -1;
  std::uint64_t id_ = 0;
};

struct PrivateOvsOptions {
  bool start_vswitchd = true;
  bool system_datapath = false;  // probe for the kernel datapath and read the system's routes
};

class PrivateOvs {
 public:
  using Options = PrivateOvsOptions;
  // Empty if the machine has Open vSwitch; else why not, for GTEST_SKIP.
  static std::string missing();

  explicit PrivateOvs(Options options = {});
  ~PrivateOvs();
  PrivateOvs(const PrivateOvs&) = delete;
  PrivateOvs& operator=(const PrivateOvs&) = delete;

  std::string directory() const { return directory_; }
  std::string db_socket() const { return directory_ + "/db.sock"; }
  std::string management_socket(const std::string& bridge) const { return directory_ + "/" + bridge + ".mgmt"; }

  void start_db();
  void start_vswitchd();
  void stop_db();        // SIGKILL, awaited
  void stop_vswitchd();  // SIGKILL, awaited
  UnixCtl& vswitchd();   // connected on first use

  // Runs a program in this directory's environment (ovs-vsctl, ovs-ofctl); returns its output; throws if it fails.
  std::string run(const std::vector<std::string>& command) const;
  std::string vsctl(std::vector<std::string> arguments) const;
  std::string ofctl(std::vector<std::string> arguments) const;  // -O OpenFlow15

 private:
  pid_t spawn(const std::vector<std::string>& command, const std::string& ready_file) const;

  Options options_;
  const ScratchFolder scratch_;
  const std::string directory_ = scratch_.path();
  pid_t db_ = 0;
  pid_t vswitchd_ = 0;
  std::unique_ptr<UnixCtl> vswitchd_ctl_;
};

}  // namespace distributor::test
