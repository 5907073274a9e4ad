#include <boost/json/serialize.hpp>
#include <iostream>

#include "node/ctl/commands/commands.hpp"
#include "node/ctl/human.hpp"
#include "node/ctl/overview.hpp"
#include "node/ctl/screen.hpp"

namespace distributor::ctl {

// On a node: its daemon's whole view. With --address: what the REST API tells of the pair.
int status(const Context& context, const Arguments&) {
  if (context.settings().address) return context.call("GET", "/1.0/pair", "", human_pair);
  const auto overview = fetch_overview(context);
  if (!overview) return overview.error();
  std::cout << (context.json() ? boost::json::serialize(*overview) + "\n" : status_screen(*overview, Style{color_wanted()}));
  return kOk;
}

}  // namespace distributor::ctl
