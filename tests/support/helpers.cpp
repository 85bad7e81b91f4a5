// Comparisons whose failure names the worst element, and gradients in one call.
#include "support/helpers.hpp"

#include <taper/core/create.hpp>
#include <taper/core/tape.hpp>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <sstream>

#include <gtest/gtest.h>

namespace taper::test {

void expect_close(const Tensor& actual, const Array& expected, double tolerance) {
  std::ostringstream shapes;
  shapes << actual.shape() << ", expected " << expected.shape;
  ASSERT_TRUE(actual.shape() == expected.shape) << "shape is " << shapes.str();
  const std::vector<double> values = actual.to_vector();
  std::size_t worst = 0, failures = 0;
  double worst_error = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double a = values[i], e = expected.values[i];
    if (a == e || (std::isnan(a) && std::isnan(e))) continue;
    double error = std::abs(a - e) / std::max(1.0, std::abs(e));
    if (std::isnan(error) || std::isinf(e)) error = std::numeric_limits<double>::infinity();
    if (error > tolerance) ++failures;
    if (error > worst_error) {
      worst_error = error;
      worst = i;
    }
  }
  if (failures == 0) return;
  ADD_FAILURE() << failures << " of " << values.size() << " elements of shape " << shapes.str()
                << " differ by more than " << tolerance << "; the worst is element " << worst << ": "
                << values[worst] << ", expected " << expected.values[worst] << ", error " << worst_error;
}

void expect_close(const Tensor& actual, const Tensor& expected, double tolerance) {
  expect_close(actual, array_of(expected), tolerance);
}

void expect_values(const Tensor& actual, const std::vector<double>& expected, double tolerance) {
  expect_close(actual, Array{actual.shape(), expected}, tolerance);
}

void expect_same(const Tensor& actual, const Tensor& expected) {
  ASSERT_TRUE(actual.shape() == expected.shape());
  ASSERT_EQ(actual.dtype(), expected.dtype());
  const Tensor a = actual.detach().to(Device::cpu()), e = expected.detach().to(Device::cpu());
  const std::size_t bytes = static_cast<std::size_t>(a.size()) * size_of(a.dtype());
  if (bytes == 0) return;
  EXPECT_EQ(std::memcmp(a.impl().data, e.impl().data, bytes), 0) << "elements differ in their bits";
}

void expect_error(const std::string& op, const std::function<void()>& call,
                  const std::vector<std::string>& says) {
  try {
    call();
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_EQ(message.rfind("[" + op + "] ", 0), 0u) << "not an error of " << op << ": " << message;
    for (const std::string& part : says) {
      EXPECT_NE(message.find(part), std::string::npos) << "no \"" << part << "\" in: " << message;
    }
    return;
  } catch (const std::exception& error) {
    ADD_FAILURE() << "threw something else than taper::Error: " << error.what();
    return;
  }
  ADD_FAILURE() << "no error of " << op << " was thrown";
}

Tensors gradients(const std::function<Tensor(const Tensors&)>& f, const Tensors& inputs,
                  const Tensor& cotangent) {
  Tensors leaves;
  for (const Tensor& input : inputs) leaves.push_back(input.clone().requires_grad());
  Tape tape;
  const Tensor y = f(leaves);
  return tape.gradient(y, leaves, {.cotangent = cotangent ? cotangent : ones(y.shape(), y.kind())});
}

Tensor gradient_of(const std::function<Tensor(const Tensor&)>& f, const Tensor& input,
                   const Tensor& cotangent) {
  return gradients([&f](const Tensors& x) { return f(x[0]); }, {input}, cotangent)[0];
}

std::uint64_t fresh_seed() {
  const char* given = std::getenv("TAPER_SEED");
  const std::uint64_t seed = given ? std::strtoull(given, nullptr, 10) : std::random_device()();
  testing::Test::RecordProperty("TAPER_SEED", std::to_string(seed));
  return seed;
}

Tensor row(const std::vector<double>& values) {
  return tensor(values, {static_cast<std::int64_t>(values.size())}, float64);
}

}  // namespace taper::test
