// The pieces of SVG that charts and maps are made of.
#pragma once

#include "format.hpp"

#include <string>

namespace taper::internal {

// A coordinate: two decimals at most.
inline std::string coordinate(double value) { return training::rounded(value, 2); }

// A path of these classes; nothing if the path is empty.
inline std::string path_element(const std::string& path, const std::string& classes) {
  return path.empty() ? "" : "<path class=\"" + classes + "\" d=\"" + path + "\"/>\n";
}

}  // namespace taper::internal
