// Replays a corpus: every file as it is, and seeded mutations of it. Arguments: folder, number of mutations.
// Fails if the folder is empty: nothing replayed proves nothing.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "tests/fuzz/target.hpp"

namespace {

std::vector<std::string> corpus_of(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<std::string> corpus;
  for (const auto& path : files) {
    std::ifstream file(path, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return corpus;
}

void mutate(std::string& bytes, std::mt19937& random, const std::vector<std::string>& corpus) {
  constexpr char kInteresting[] = {0, 1, 8, 16, 127, static_cast<char>(128), static_cast<char>(255)};
  for (auto changes = 1 + random() % 4; changes > 0; --changes) {
    const std::size_t at = bytes.empty() ? 0 : random() % bytes.size();
    switch (random() % 5) {
      case 0:
        if (!bytes.empty()) bytes[at] = static_cast<char>(random());
        break;
      case 1:
        if (!bytes.empty()) bytes[at] = kInteresting[random() % sizeof kInteresting];
        break;
      case 2:
        bytes.resize(at);
        break;
      case 3:
        bytes.insert(at, 1 + random() % 16, static_cast<char>(random()));
        break;
      default:
        bytes.append(corpus[random() % corpus.size()].substr(0, 1U << 14U));
    }
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) {
    std::fprintf(stderr, "usage: %s CORPUS MUTATIONS\n", arguments[0]);
    return 2;
  }
  const auto corpus = corpus_of(arguments[1]);
  if (corpus.empty()) {
    std::fprintf(stderr, "%s: no corpus there\n", arguments[1]);
    return 1;
  }
  for (const auto& bytes : corpus) distributor::fuzz::one_input(bytes);
  std::mt19937 random(20'261'124);
  const long mutations = std::strtol(arguments[2], nullptr, 10);
  for (long i = 0; i < mutations; ++i) {
    auto bytes = corpus[random() % corpus.size()];
    mutate(bytes, random, corpus);
    distributor::fuzz::one_input(bytes);
  }
  std::printf("%zu inputs of the corpus, %ld mutations\n", corpus.size(), mutations);
  return 0;
}
