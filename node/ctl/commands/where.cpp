#include "node/ctl/commands/commands.hpp"
#include "node/ctl/human.hpp"

namespace distributor::ctl {

int where(const Context& context, const Arguments& arguments) {
  const auto query = "client=" + percent_encoded(arguments.client) + "&port=" + std::to_string(arguments.client_port) +
                     "&protocol=" + percent_encoded(arguments.protocol);
  return context.call("GET", "/1.0/loadbalancer/" + percent_encoded(arguments.lb) + "/where?" + query, "", human_where);
}

}  // namespace distributor::ctl
