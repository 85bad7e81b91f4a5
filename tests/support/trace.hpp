// What the tests of a tape's trace ask for.
#pragma once

#include <taper/core/tape/trace.hpp>

#include <string>
#include <vector>

namespace taper::test {

inline std::vector<std::string> names_held(const Trace::Edge& edge) {
  std::vector<std::string> names;
  for (const Trace::Held& held : edge.holds) names.push_back(held.what);
  return names;
}

}  // namespace taper::test
