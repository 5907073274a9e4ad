// The command line as a tree: options, subcommands and what each does. Help, completion and the man page's test come from it.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <utility>
#include <vector>

#include "node/ctl/arguments.hpp"
#include "node/ctl/context.hpp"

namespace distributor::ctl {

using Command = int (*)(const Context& context, const Arguments& arguments);

struct Tree {
  std::unique_ptr<CLI::App> app;
  std::vector<std::pair<CLI::App*, Command>> commands;
  CLI::App* completion = nullptr;
};

// A script for bash, of all subcommands and options; files are offered where an option wants one.
std::string bash_completion(const CLI::App& app);

Tree make_tree(Arguments& arguments);  // which outlive it

}  // namespace distributor::ctl
