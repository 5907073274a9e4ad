// What is told to this node's daemon over its local socket.
#include "node/ctl/commands/commands.hpp"

namespace distributor::ctl {

int init_alone(const Context& context, const Arguments&) { return context.admin("init-alone"); }

int acknowledge_losses(const Context& context, const Arguments&) { return context.admin("acknowledge-losses"); }

}  // namespace distributor::ctl
