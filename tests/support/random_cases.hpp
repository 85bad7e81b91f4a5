// What tests draw that run on other cases each time. A failure prints the seed; set the environment variable
// TAPER_SEED to it to repeat the run.
#pragma once

#include "support/helpers.hpp"
#include <taper/core/create.hpp>
#include <taper/core/random.hpp>
#include <taper/core/shape.hpp>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace taper::test {

class RandomCases {
 protected:
  // From low to high, both included.
  std::int64_t integer(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(generator.uniform() * static_cast<double>(high - low + 1));
  }
  bool chance(double probability) { return generator.uniform() < probability; }
  template <class T>
  T one_of(std::initializer_list<T> values) {
    return values.begin()[integer(0, static_cast<std::int64_t>(values.size()) - 1)];
  }
  // A tensor whose elements are what calls of element() return, in row-major order.
  template <class Element>
  static Tensor filled(const Shape& shape, DType dtype, Element element) {
    std::vector<double> values(static_cast<std::size_t>(element_count("filled", shape)));
    for (double& value : values) value = element();
    return tensor(values, shape, dtype);
  }

  const std::uint64_t seed = fresh_seed();
  testing::ScopedTrace trace{__FILE__, __LINE__, "TAPER_SEED=" + std::to_string(seed)};
  Generator generator{seed};
};

}  // namespace taper::test
