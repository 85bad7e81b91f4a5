// What tests of the CUDA kernels draw: other cases in each run.
#pragma once

#include "support/helpers.hpp"
#include "support/on_cuda.hpp"
#include <taper/core/random.hpp>

#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

namespace taper::test {

class CudaTest : public OnCuda {
 protected:
  // From low to high, both included.
  std::int64_t integer(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(generator.bits() % static_cast<std::uint64_t>(high - low + 1));
  }
  // One of them.
  template <class T>
  T one_of(const std::vector<T>& values) {
    return values[static_cast<std::size_t>(integer(0, static_cast<std::int64_t>(values.size()) - 1))];
  }
  DType dtype() { return integer(0, 1) == 0 ? float32 : float64; }

  // Ranks from 0 to `most_rank`; extents that are 0 now and then, often 1, primes, powers of two and their
  // neighbours; not many more than `max_elements` elements.
  Shape shape(int least_rank, int most_rank, std::int64_t max_elements) {
    Shape shape = Shape::filled(static_cast<int>(integer(least_rank, most_rank)), 1);
    std::int64_t size = 1;
    for (std::int64_t& extent : shape) {
      extent = one_of<std::int64_t>(
          {1, 1, 2, 3, 4, 5, 7, 8, 16, 17, 31, 32, 33, 64, 127, 128, 256, 257, 1021, 4099});
      while (size * extent > max_elements) extent = (extent + 1) / 2;
      size *= extent;
      if (size * 2 > max_elements) break;
    }
    if (integer(0, 19) == 0 && shape.size() > 0) shape[static_cast<int>(integer(0, shape.size() - 1))] = 0;
    // The large extents come first; shuffled, they come anywhere.
    for (int i = shape.size() - 1; i > 0; --i) std::swap(shape[i], shape[static_cast<int>(integer(0, i))]);
    return shape;
  }

  Generator generator{fresh_seed()};
  const Device gpu = Device::cuda();
};

}  // namespace taper::test
