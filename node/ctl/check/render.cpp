#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>

#include "node/ctl/check/check.hpp"

namespace distributor::ctl {
namespace {

constexpr std::array<const char*, 3> kNames{"OK", "WARN", "FAIL"};
constexpr std::array<const char*, 3> kColors{"\033[32m", "\033[33m", "\033[31m"};

const char* name_of(Level level) { return kNames[static_cast<std::size_t>(level)]; }

long count(const std::vector<Finding>& findings, Level level) {
  return std::count_if(findings.begin(), findings.end(), [level](const Finding& one) { return one.level == level; });
}

}  // namespace

std::string human_findings(const std::vector<Finding>& findings, bool color) {
  std::string text;
  for (const auto& one : findings) {
    std::string level = name_of(one.level);
    const std::string gap(6 - level.size(), ' ');
    if (color) level = kColors[static_cast<std::size_t>(one.level)] + level + "\033[0m";
    std::string name = one.name;
    name.resize(std::max<std::size_t>(34, name.size() + 1), ' ');
    text += level + gap + name + one.found + "\n";
    if (!one.fix.empty()) text += "      " + std::string(34, ' ') + "fix: " + one.fix + "\n";
  }
  return text + std::to_string(count(findings, Level::ok)) + " ok, " + std::to_string(count(findings, Level::warn)) + " warnings, " +
         std::to_string(count(findings, Level::fail)) + " failures\n";
}

std::string json_findings(const std::vector<Finding>& findings) {
  boost::json::array list;
  for (const auto& one : findings) {
    list.push_back(boost::json::object{{"level", name_of(one.level)}, {"name", one.name}, {"found", one.found}, {"fix", one.fix}});
  }
  return boost::json::serialize(boost::json::object{{"fit", count(findings, Level::fail) == 0},
                                                    {"warnings", count(findings, Level::warn)},
                                                    {"failures", count(findings, Level::fail)},
                                                    {"findings", std::move(list)}});
}

}  // namespace distributor::ctl
