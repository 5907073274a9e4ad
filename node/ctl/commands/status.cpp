#include "node/ctl/commands/commands.hpp"
#include "node/ctl/human.hpp"

namespace distributor::ctl {

int status(const Context& context, const Arguments&) { return context.call("GET", "/1.0/pair", "", human_pair); }

}  // namespace distributor::ctl
