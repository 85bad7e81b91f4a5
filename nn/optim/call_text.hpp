// Calls as text, "cosine(0.001, 1000, 0).warm_up(100)": how schedules are written into checkpoints.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace taper::nn {

// Reads a chain of calls from left to right. `op` and the text stand in the message of every error.
class CallReader {
 public:
  CallReader(const char* op, std::string_view text) : op_(op), text_(text), rest_(text) {}

  // The name before the next parenthesis; number() and whole() then give its arguments. Throws if
  // there is none.
  std::string_view name();
  // The next argument. Throws if it is missing or is not a number of this kind.
  double number();
  std::int64_t whole();
  // Ends the call; true if another follows. Throws if arguments are left, or if something other than
  // a call follows.
  bool goes_on();
  [[noreturn]] void fail_with(std::string_view what) const;

 private:
  template <class Number>
  Number argument(std::string_view wanted);

  const char* op_;
  std::string_view text_, rest_;
  bool is_first_ = true;  // is the next argument the first of its call?
};

}  // namespace taper::nn
