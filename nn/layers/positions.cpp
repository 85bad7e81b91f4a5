// Positional encodings: the learned table and the sinusoidal one.
#include "positions.hpp"

#include "../../core/fail.hpp"
#include "../../core/memory/transfer.hpp"
#include "../../ops/elementwise/add.hpp"
#include "../../ops/layout/slice.hpp"

#include <cmath>

namespace taper::nn {

LearnedPositions::LearnedPositions(std::int64_t count, std::int64_t width, Generator& generator,
                                   DType dtype) {
  if (count < 1 || width < 1)
    fail("LearnedPositions", "wanted at least one position and a width of 1, got ", count, " and ", width);
  table = randn({count, width}, generator, dtype).requires_grad();
}

Tensor LearnedPositions::operator()(const Tensor& x) const {
  check_given("LearnedPositions", "x", x, "table", table);
  const std::int64_t count = table.extent(0), width = table.extent(1);
  check_same_device("LearnedPositions", "x", x, "the table", table);
  if (x.rank() < 2 || x.extent(-1) != width || x.extent(-2) > count || x.dtype() != table.dtype()) {
    fail("LearnedPositions", "x must be ", table.dtype(), " of shape (..., positions, ", width,
         ") with at most ", count, " positions, got ", x.dtype(), " ", x.shape());
  }
  const Scope scope = Scope::outermost("LearnedPositions");
  return x + slice(table, 0, 0, x.extent(-2));
}

void LearnedPositions::list(Parts& parts) const { parts.add("table", table); }

Tensor sinusoidal_positions(std::int64_t n, std::int64_t width, Kind kind) {
  if (n < 0) fail("sinusoidal_positions", "n must be at least 0, got ", n);
  if (width < 1 || width % 2 != 0) {
    fail("sinusoidal_positions", "width must be positive and even, got ", width);
  }
  Tensor table = Tensor::uninitialized("sinusoidal_positions", {n, width}, kind.dtype);
  dispatch(kind.dtype, [&]<class T>() {
    T* out = table.mutable_data<T>();
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < width; j += 2) {
        const double angle =
            static_cast<double>(i) / std::pow(10000.0, static_cast<double>(j) / static_cast<double>(width));
        *out++ = static_cast<T>(std::sin(angle));
        *out++ = static_cast<T>(std::cos(angle));
      }
    }
  });
  return table.to(kind.device);
}

}  // namespace taper::nn
