// Where the elements of windows lie: what the CPU's loops of convolution share.
#pragma once

#include "../../../core/memory/pool.hpp"
#include "conv2d.hpp"

#include <cstdint>

namespace taper::kernels {

// A convolution of padded pictures, and what its loops need.
struct Layout {
  explicit Layout(const Convolution& call);

  // Where channel 0 of a group begins in x, and in y.
  std::int64_t x_start(std::int64_t b, std::int64_t group) const {
    return (b * call.groups + group) * call.inputs * picture;
  }
  std::int64_t y_start(std::int64_t b, std::int64_t group) const {
    return (b * call.groups + group) * call.outputs * windows;
  }
  // Where window w begins in a channel.
  std::int64_t window_start(std::int64_t w) const {
    const std::int64_t row = w / count.width;
    return row * row_step + (w - row * count.width) * step;
  }

  const Convolution call;
  const Size2d count;          // of windows
  const std::int64_t picture;  // elements of a padded channel
  const std::int64_t windows, depth, step, row_step;
  internal::PoolVector<std::int64_t> offsets;  // of the elements of a window, of all channels of a group
};

// Windows of one row, next to each other: `count` of them, of which the first is column `column` of the
// matrix and begins at `start` in x.
struct Run {
  std::int64_t column, count, start;
};

}  // namespace taper::kernels
