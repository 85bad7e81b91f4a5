// The pieces of JSON that a page's script reads.
#pragma once

#include <string>
#include <vector>

namespace taper::internal {

// A JSON string, quotes and all.
std::string json_text(const std::string& text);

// [1,0.25,null]: each number with the digits that tell it, or the float that it is, from its neighbours; null
// for what is not finite.
std::string json_numbers(const std::vector<double>& values);

}  // namespace taper::internal
