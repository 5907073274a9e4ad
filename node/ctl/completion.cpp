// The completion script of bash, made from the tree of options, so that it cannot fall behind.
#include <set>

#include "node/ctl/tree.hpp"

namespace distributor::ctl {
namespace {

const std::set<std::string> kFileOptions{"--cert", "--key", "--ca", "--config", "--admin-socket", "--node-config", "--output", "--from"};

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::vector<std::string> options_of(const CLI::App& app) {
  std::vector<std::string> words;
  for (const auto* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) words.push_back("--" + name);
  }
  return words;
}

std::vector<std::string> values_taking(const CLI::App& app) {
  std::vector<std::string> words;
  for (const auto* option : app.get_options()) {
    if (option->get_items_expected_max() == 0) continue;
    for (const auto& name : option->get_lnames()) words.push_back("--" + name);
  }
  return words;
}

void add_command(const CLI::App& app, const std::string& path, const std::vector<std::string>& global, std::string& words, std::string& valued) {
  auto offered = options_of(app);
  offered.insert(offered.end(), global.begin(), global.end());
  for (const auto* sub : app.get_subcommands({})) offered.push_back(sub->get_name());
  words += "    \"" + path + "\") echo \"" + joined(offered) + "\" ;;\n";
  for (const auto& option : values_taking(app)) valued += " " + option;
  for (const auto* sub : app.get_subcommands({})) add_command(*sub, path.empty() ? sub->get_name() : path + " " + sub->get_name(), global, words, valued);
}

}  // namespace

std::string bash_completion(const CLI::App& app) {
  std::string words, valued, files;
  for (const auto& option : kFileOptions) files += (files.empty() ? "" : "|") + option;
  add_command(app, "", options_of(app), words, valued);
  return "# bash completion of distributorctl; made by: distributorctl completion bash\n"
         "_distributorctl_words() {\n  case \"$1\" in\n" + words + "  esac\n}\n"
         "_distributorctl() {\n"
         "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} path= next i word\n"
         "  local valued=\"" + valued + " \"\n"
         "  COMPREPLY=()\n"
         "  case $previous in\n    " + files + ") COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n  esac\n"
         "  if [[ $previous == --* && $valued == *\" $previous \"* ]]; then return; fi\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    word=${COMP_WORDS[i]}\n"
         "    if [[ $word == --* ]]; then\n      if [[ $valued == *\" $word \"* ]]; then ((i++)); fi\n      continue\n    fi\n"
         "    next=${path:+$path }$word\n"
         "    if [[ -n $(_distributorctl_words \"$next\") ]]; then path=$next; fi\n"
         "  done\n"
         "  COMPREPLY=($(compgen -W \"$(_distributorctl_words \"$path\")\" -- \"$current\"))\n"
         "}\n"
         "complete -F _distributorctl distributorctl\n";
}

}  // namespace distributor::ctl
