#include "node/ctl/commands/commands.hpp"
#include "node/ctl/human.hpp"

namespace distributor::ctl {
namespace {

int change(const Context& context, const Arguments& arguments, const std::string& verb, const Body& body) {
  if (!body) return usage(body.error());
  return context.call("POST", "/1.0/loadbalancer/" + percent_encoded(arguments.lb) + "/" + verb, *body,
                      human_load_balancer);
}

}  // namespace

int plug(const Context& context, const Arguments& arguments) {
  return change(context, arguments, "plug", plug_body(arguments.plug));
}

int unplug(const Context& context, const Arguments& arguments) {
  return change(context, arguments, "unplug", std::string("{}"));
}

int register_amphorae(const Context& context, const Arguments& arguments) {
  return change(context, arguments, "register", register_body(arguments.amphorae, arguments.standby_role));
}

int unregister(const Context& context, const Arguments& arguments) {
  return change(context, arguments, "unregister", unregister_body(arguments.amphorae));
}

int replace(const Context& context, const Arguments& arguments) {
  return change(context, arguments, "replace", replace_body(arguments.failed, arguments.standby));
}

}  // namespace distributor::ctl
