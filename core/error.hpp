// Errors: one exception type with one form of message, "[op] what is wrong: what came, what was wanted".
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace taper {

// What every function of the library throws on bad input. what() begins with the name of the op in brackets.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Throws Error("[op] " + the parts, each written with operator<<).
template <class... Parts>
[[noreturn]] void fail(const char* op, const Parts&... parts) {
  std::ostringstream message;
  message << '[' << op << "] ";
  (message << ... << parts);
  throw Error(message.str());
}

}  // namespace taper
