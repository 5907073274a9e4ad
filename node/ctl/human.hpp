// Answers of the API for a reader at a terminal. Pure. What is not understood is printed as it is.
#pragma once

#include <string>

namespace distributor::ctl {

std::string human_load_balancer(const std::string& body);  // of a change, or of STATUS
std::string human_list(const std::string& body);
std::string human_where(const std::string& body);
std::string human_pair(const std::string& body);
std::string human_losses(const std::string& pair);
std::string human_diff(const std::string& answer);
std::string human_error(unsigned status, const std::string& body);

}  // namespace distributor::ctl
