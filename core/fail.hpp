// fail: how the library words and throws its errors.
#pragma once

#include <taper/core/error.hpp>

#include <sstream>

namespace taper {

// Throws Error("[op] " + the parts, each written with operator<<).
template <class... Parts>
[[noreturn]] void fail(const char* op, const Parts&... parts) {
  std::ostringstream message;
  message << '[' << op << "] ";
  (message << ... << parts);
  throw Error(message.str());
}

}  // namespace taper
