// One fuzz target: a function that must survive any bytes. Linked with libFuzzer (option DISTRIBUTOR_FUZZ), and with a program
// that replays the corpus and seeded mutations of it, which is a normal test.
#pragma once

#include <string_view>

namespace distributor::fuzz {

void one_input(std::string_view bytes);

}  // namespace distributor::fuzz
