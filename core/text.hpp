// text: values written one after the other, the same in every locale: 1000 is never "1,000", nor 0.5 "0,5".
#pragma once

#include <locale>
#include <sstream>
#include <string>

namespace taper::internal {

// The parts, each written with operator<<; manipulators are parts too.
template <class... Parts>
std::string text(const Parts&... parts) {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  (out << ... << parts);
  return out.str();
}

}  // namespace taper::internal
