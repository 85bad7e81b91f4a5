// What the tests say often: tensors that are nearly equal, and calls that must throw a certain message.
#pragma once

#include "support/reference.hpp"
#include <taper/core/error.hpp>
#include <taper/core/random.hpp>

#include <cstdint>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

namespace taper::test {

using Tensors = std::vector<Tensor>;

// Fails the current test unless the shapes are equal and each element lies within
// tolerance * max(1, |expected|). NaN equals NaN, and an infinity itself.
void expect_close(const Tensor& actual, const Array& expected, double tolerance = 1e-12);
void expect_close(const Tensor& actual, const Tensor& expected, double tolerance = 1e-12);
// The same, with float64 literals.
void expect_values(const Tensor& actual, const std::vector<double>& expected, double tolerance = 1e-12);
// Equal shape, dtype and bits.
void expect_same(const Tensor& actual, const Tensor& expected);

// Fails the current test unless call throws an Error whose message begins with "[" + op + "] " and contains
// each of `says`.
void expect_error(const std::string& op, const std::function<void()>& call,
                  const std::vector<std::string>& says = {});

// d(sum of v * f(x))/dx for each input, with v = cotangent, or ones if it is not given.
Tensors gradients(const std::function<Tensor(const Tensors&)>& f, const Tensors& inputs,
                  const Tensor& cotangent = {});
// The same for one input.
Tensor gradient_of(const std::function<Tensor(const Tensor&)>& f, const Tensor& input,
                   const Tensor& cotangent = {});

// The seed of a test that draws new cases in each run: from the environment variable TAPER_SEED if it is set,
// so that a failure can be repeated, else from the machine's entropy. Recorded in the test's properties.
std::uint64_t fresh_seed();

// What operator<< writes.
template <class T>
std::string printed(const T& value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

// A float64 tensor of rank 1: the numbers of a row.
Tensor row(const std::vector<double>& values);

}  // namespace taper::test
