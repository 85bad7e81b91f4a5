// Screening: products of bytes tell which scores may exceed a bound, in a quarter of the time that the scores themselves
// take. What they drop can't be selected, so that no result depends on it. Rows become bytes in screen_rows-inl.hpp.
#pragma once

#include <cstdint>

namespace taper::kernels {

constexpr std::int64_t screen_group = 6;   // queries that are multiplied at a time
constexpr std::int64_t screen_panel = 64;  // keys
// Keys for which one unit is chosen.
constexpr std::int64_t screen_stretch = 1024;
constexpr std::int64_t screen_panels = screen_stretch / screen_panel;
// Elements of a row, at most.
constexpr std::int64_t screen_depth = 1024;

// Whether this processor multiplies bytes (AVX-512 VNNI). Else multiply_bytes may not be called.
bool can_multiply_bytes();

// How many bytes a row of so many elements takes: those that fill up the last four are 0.
constexpr std::int64_t bytes_of_row(std::int64_t depth) { return (depth + 3) / 4 * 4; }

// Multiplies a group of queries with `count` panels of keys, rows of `size` bytes. A key's bytes are 128 more than they stand for,
// and the bytes 4 p … 4 p + 3 of a panel's keys stand side by side.
//
// Bit j of above[r * screen_panels + panel] says whether the product of query r with key j of the panel exceeds limits[r].
void multiply_bytes(const std::int8_t* const* queries, const std::uint8_t* panels, std::int64_t count,
                    std::int64_t size, const std::int32_t* limits, std::uint64_t* above);

}  // namespace taper::kernels
