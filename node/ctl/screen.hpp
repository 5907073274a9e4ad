// Overviews for a reader at a terminal (status, watch). Pure: JSON in, text out.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "node/ctl/terminal.hpp"

namespace distributor::ctl {

struct Style {
  bool color = false;
  std::string good(const std::string& text) const { return paint("32", text); }
  std::string warn(const std::string& text) const { return paint("33", text); }
  std::string bad(const std::string& text) const { return paint("31", text); }
  std::string dim(const std::string& text) const { return paint("2", text); }
  std::string bold(const std::string& text) const { return paint("1", text); }

 private:
  std::string paint(const char* code, const std::string& text) const { return color ? "\033[" + std::string(code) + "m" + text + "\033[0m" : text; }
};

// One screen: concerns, both nodes, replication, Open vSwitch, and the first load balancers.
std::string status_screen(const boost::json::object& overview, const Style& style);

// Adds "packets_per_s" and "bytes_per_s" to every load balancer and bucket of `now`. A counter that went back (rules made anew,
// another node answered) counts as 0.
void add_rates(const boost::json::object& before, boost::json::object& now);

// At most size.rows lines of at most size.columns characters.
std::string watch_screen(const boost::json::object& overview, const Size& size, const Style& style);

std::string short_number(double value);       // "950", "12.3k", "4.5M"
std::string bar(double share, int width);     // "#####.....", 0 <= share <= 1

}  // namespace distributor::ctl
