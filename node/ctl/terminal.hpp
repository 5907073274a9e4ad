// What is done only at a terminal: colours, and a sign of life for what takes longer than a second.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace distributor::ctl {

bool color_wanted();  // standard output is a terminal, and NO_COLOR is not set

struct Size {
  int columns = 80;
  int rows = 24;
};
Size terminal_size();

// From its second second on, says on standard error what is being waited for; takes the line away when it is destroyed.
class Progress {
 public:
  explicit Progress(std::string what);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

 private:
  void tell(const std::string& what);

  std::mutex mutex_;
  std::condition_variable over_;
  bool is_over_ = false;
  std::thread teller_;
};

}  // namespace distributor::ctl
