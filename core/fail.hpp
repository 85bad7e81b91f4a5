// fail: how the library words and throws its errors.
#pragma once

#include "error.hpp"
#include "scope.hpp"

#include <sstream>

namespace taper {

// Throws Error("[op] " + the parts, each written with operator<<, + " (in " + the open scopes + ")" if there
// are any).
template <class... Parts>
[[noreturn]] void fail(const char* op, const Parts&... parts) {
  std::ostringstream message;
  message << '[' << op << "] ";
  (message << ... << parts);
  if (const std::string place = Scope::path(); !place.empty()) message << " (in " << place << ')';
  throw Error(message.str());
}

}  // namespace taper
