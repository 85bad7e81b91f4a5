// Numbers as text that reads back as the same bits, in every locale: what State's texts and JSON are made of.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace taper::internal {

// The shortest text that reads as exactly this number, a float as a float: "0.1", "1e-05", "inf", "-12".
std::string to_text(double value);
std::string to_text(float value);
std::string to_text(std::int64_t value);

// Sets `value` to the number that all of `text` spells. If it spells none, or one that is out of range,
// returns false and changes nothing.
bool from_text(std::string_view text, double& value);
bool from_text(std::string_view text, std::int64_t& value);

}  // namespace taper::internal
