// What is told to this node's daemon over its local socket.
#include <filesystem>

#include "node/ctl/commands/commands.hpp"

namespace distributor::ctl {

int init_alone(const Context& context, const Arguments&) { return context.admin("init-alone"); }

// The daemon writes the file: it does not know this program's folder.
int backup(const Context& context, const Arguments& arguments) {
  return context.admin("backup", {{"file", std::filesystem::absolute(arguments.file).string()}});
}

int switchover(const Context& context, const Arguments& arguments) {
  return context.admin(arguments.wait ? "switchover-and-wait" : "switchover");
}

int maintenance(const Context& context, const Arguments& arguments) { return context.admin("maintenance-" + arguments.on_or_off); }

}  // namespace distributor::ctl
