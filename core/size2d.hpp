// Size2d: a number for each axis of a picture.
#pragma once

#include <cstdint>
#include <iosfwd>

namespace taper {

// {height, width}, or one number for both: an extent, a stride or a padding of pictures.
struct Size2d {
  constexpr Size2d(std::int64_t both) : height(both), width(both) {}
  constexpr Size2d(std::int64_t height_, std::int64_t width_) : height(height_), width(width_) {}

  constexpr std::int64_t area() const { return height * width; }
  friend constexpr bool operator==(const Size2d&, const Size2d&) = default;

  std::int64_t height, width;
};

// Writes "{2, 3}".
std::ostream& operator<<(std::ostream& out, const Size2d& size);

}  // namespace taper
