// The subcommands, one file each (lb and the changes to one share theirs). A new one: its file here, its line below, its
// options in tree.cpp, its entry in packaging/man/distributorctl.8.
#pragma once

#include "node/ctl/arguments.hpp"
#include "node/ctl/context.hpp"

namespace distributor::ctl {

// Each returns the exit code.
int status(const Context& context, const Arguments& arguments);
int where(const Context& context, const Arguments& arguments);
int lb_list(const Context& context, const Arguments& arguments);
int lb_show(const Context& context, const Arguments& arguments);
int plug(const Context& context, const Arguments& arguments);
int unplug(const Context& context, const Arguments& arguments);
int register_amphorae(const Context& context, const Arguments& arguments);
int unregister(const Context& context, const Arguments& arguments);
int replace(const Context& context, const Arguments& arguments);
int init_alone(const Context& context, const Arguments& arguments);
int backup(const Context& context, const Arguments& arguments);
int switchover(const Context& context, const Arguments& arguments);
int maintenance(const Context& context, const Arguments& arguments);
int losses(const Context& context, const Arguments& arguments);
int watch(const Context& context, const Arguments& arguments);
int diff(const Context& context, const Arguments& arguments);
int resync(const Context& context, const Arguments& arguments);
int check(const Context& context, const Arguments& arguments);

}  // namespace distributor::ctl
