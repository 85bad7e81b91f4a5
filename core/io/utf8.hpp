// UTF-8: where one character ends and the next begins.
#pragma once

#include <cstddef>
#include <string_view>

namespace taper::internal {

// The number of bytes of the UTF-8 character with which the text begins; 0 if it begins with none, or
// with a zero byte.
std::size_t character_length(std::string_view text);

// How many characters a UTF-8 text has.
std::size_t character_count(std::string_view text);

}  // namespace taper::internal
