#include "ha/keepalived/fifo_parser.hpp"

#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace distributor::keepalived {
namespace {

constexpr std::array<std::pair<std::string_view, VrrpEvent>, 8> kWords = {{
    {"MASTER", VrrpEvent::master},
    {"BACKUP", VrrpEvent::backup},
    {"FAULT", VrrpEvent::fault},
    {"STOP", VrrpEvent::stop},
    {"DELETED", VrrpEvent::stop},
    {"MASTER_RX_LOWER_PRI", VrrpEvent::rx_lower_priority},
    {"MASTER_PRIORITY", VrrpEvent::priority_changed},
    {"BACKUP_PRIORITY", VrrpEvent::priority_changed},
}};

std::optional<VrrpEvent> event_of(std::string_view word) {
  for (const auto& [text, event] : kWords) {
    if (text == word) return event;
  }
  return std::nullopt;
}

bool is_word(std::string_view text) {
  for (const char c : text) {
    if (!((c >= 'A' && c <= 'Z') || c == '_')) return false;
  }
  return !text.empty();
}

}  // namespace

void FifoParser::feed(std::string_view bytes, const std::function<void(const FifoLine&)>& on_line) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view part = bytes.substr(0, end);
    bytes = end == std::string_view::npos ? std::string_view{} : bytes.substr(end + 1);
    if (!skipping_) {
      if (partial_.size() + part.size() > kFifoLineBytesMax) {
        skipping_ = true;
        partial_.clear();
        ++garbage_lines_;
      } else {
        partial_ += part;
      }
    }
    if (end == std::string_view::npos) return;
    if (!skipping_) take(partial_, on_line);
    skipping_ = false;
    partial_.clear();
  }
}

// INSTANCE "MGMT" MASTER 250
void FifoParser::take(std::string_view line, const std::function<void(const FifoLine&)>& on_line) {
  constexpr std::string_view kInstance = "INSTANCE \"";
  if (line.empty()) return;
  if (line.starts_with("GROUP \"")) {
    ++foreign_lines_;
    return;
  }
  const std::size_t quote = line.starts_with(kInstance) ? line.find('"', kInstance.size()) : std::string_view::npos;
  if (quote == std::string_view::npos || line.substr(quote + 1, 1) != " ") {
    ++garbage_lines_;
    return;
  }
  FifoLine found;
  found.instance = line.substr(kInstance.size(), quote - kInstance.size());
  const std::string_view rest = line.substr(quote + 2);
  const std::size_t space = rest.find(' ');
  const std::string_view word = rest.substr(0, space);
  const std::string_view number = space == std::string_view::npos ? std::string_view{} : rest.substr(space + 1);
  const auto [stop, error] = std::from_chars(number.data(), number.data() + number.size(), found.priority);
  if (!is_word(word) || error != std::errc{} || stop != number.data() + number.size() || found.priority < 0 ||
      found.priority > 255) {
    ++garbage_lines_;
    return;
  }
  const auto event = event_of(word);
  if (!event) {
    ++foreign_lines_;
    return;
  }
  found.event = *event;
  on_line(found);
}

}  // namespace distributor::keepalived
