// fail: how the library words and throws its errors.
#pragma once

#include "error.hpp"
#include "scope.hpp"
#include "text.hpp"

namespace taper {

// Throws Error("[op] " + the parts, each written as internal::text writes it, + " (in " + the open scopes + ")" if there
// are any).
template <class... Parts>
[[noreturn]] void fail(const char* op, const Parts&... parts) {
  std::string message = internal::text('[', op, "] ", parts...);
  if (const std::string place = Scope::path(); !place.empty()) message += " (in " + place + ')';
  throw Error(message);
}

}  // namespace taper
