// Windows: what convolution and pooling have in common, windows that slide over pictures.
#pragma once

#include "../../../core/size2d.hpp"
#include "../../../core/tensor.hpp"

namespace taper::kernels {

// Windows of `size` elements that lie `dilation` apart, one every `stride`, over a picture with `padding` on
// each side. Element i of window w lies at position w stride + i dilation - padding, on either axis.
struct Windows {
  Size2d picture, size;
  Size2d stride = 1, padding = 0, dilation = 1;

  // The picture with its padding.
  Size2d padded() const { return {picture.height + 2 * padding.height, picture.width + 2 * padding.width}; }
  // How many windows lie within it.
  Size2d count() const {
    const auto along = [](std::int64_t extent, std::int64_t n, std::int64_t step, std::int64_t apart) {
      return (extent - (n - 1) * apart - 1) / step + 1;
    };
    return {along(padded().height, size.height, stride.height, dilation.height),
            along(padded().width, size.width, stride.width, dilation.width)};
  }
};

// Throws in the name of the op unless picture, size, stride and dilation are at least 1, padding is not
// negative, and a window fits into the padded picture. `size_name` is what the op calls the size.
void check_windows(const char* op, const char* size_name, const Windows& windows);

}  // namespace taper::kernels
