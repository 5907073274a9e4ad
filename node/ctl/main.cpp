// distributorctl: the REST API and the daemon's local socket from the command line.
#include <iostream>

#include "node/ctl/tree.hpp"

namespace distributor::ctl {
namespace {

int run(int argc, char** argv) {
  Arguments arguments;
  const auto tree = make_tree(arguments);
  try {
    tree.app->parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return tree.app->exit(error) == 0 ? kOk : kUsage;
  }
  if (tree.completion->parsed()) {
    std::cout << bash_completion(*tree.app);
    return kOk;
  }
  const bool named = !arguments.config_file.empty();
  const auto from_file = load_settings(named ? arguments.config_file : kDefaultConfigFile, named);
  if (!from_file) return usage(from_file.error());
  const Context context(merged(arguments.said, *from_file), arguments.json);
  for (const auto& [app, command] : tree.commands) {
    if (app->parsed()) return command(context, arguments);
  }
  return kUsage;
}

}  // namespace
}  // namespace distributor::ctl

int main(int argc, char** argv) { return distributor::ctl::run(argc, argv); }
