// Windows: what they must be.
#include "windows.hpp"

#include "../../../core/fail.hpp"

namespace taper::kernels {

void check_windows(const char* op, const char* size_name, const Windows& windows) {
  constexpr std::int64_t largest = std::int64_t{1} << 30;  // so that no sum of products below overflows
  const auto check = [op](const char* name, const Size2d& value, std::int64_t smallest) {
    for (const std::int64_t each : {value.height, value.width}) {
      if (each < smallest || each > largest)
        fail(op, name, " must be at least ", smallest, " and at most 2^30, got ", value);
    }
  };
  check(size_name, windows.size, 1);
  check("stride", windows.stride, 1);
  check("padding", windows.padding, 0);
  check("dilation", windows.dilation, 1);
  if (windows.picture.height < 1 || windows.picture.width < 1)
    fail(op, "x must have pictures of at least one element, got ", windows.picture);
  const Size2d padded = windows.padded();
  const Size2d covered{(windows.size.height - 1) * windows.dilation.height + 1,
                       (windows.size.width - 1) * windows.dilation.width + 1};
  if (covered.height > padded.height || covered.width > padded.width) {
    fail(op, size_name, " does not fit: a window covers ", covered, " elements, a padded picture has ",
         padded, " (", size_name, ' ', windows.size, ", dilation ", windows.dilation, ", picture ",
         windows.picture, ", padding ", windows.padding, ')');
  }
}

}  // namespace taper::kernels
