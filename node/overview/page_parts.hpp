// The parts of the status page. Each takes values and returns HTML; every text from outside goes through html_escaped().
#pragma once

#include <string>

#include "node/overview/overview.hpp"

namespace distributor::node::page {

extern const char* const kStyle;

std::string pair_picture(const Overview& overview);  // inline SVG
std::string facts(const Overview& overview);
std::string balancers(const Overview& overview);
std::string takeovers(const Overview& overview);

std::string number(std::uint64_t value);  // 1,234,567
std::string bytes(std::uint64_t value);   // 1.2 MB

}  // namespace distributor::node::page
