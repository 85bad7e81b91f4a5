// The elementary functions, computed in vectors: how far they are from long double's at ordinary and at extreme
// numbers, and that an element's place in a tensor changes no bit. (instruction_sets_test.cpp has the sets.)
#include "support/helpers.hpp"
#include <taper/taper.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

using Long = long double;

Long sigmoid_of(Long x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); }
Long log1p_of_power(Long x) { return std::log1p(std::exp(-std::abs(x))); }

struct Function {
  const char* name;
  Tensor (*op)(const Tensor&);
  Long (*reference)(Long);
  double tolerance;  // in units of the last place
};
const Function functions[] = {
    {"exp", exp, [](Long x) { return std::exp(x); }, 1},
    {"expm1", expm1, [](Long x) { return std::expm1(x); }, 2},
    {"log", log, [](Long x) { return std::log(x); }, 1},
    {"log1p", log1p, [](Long x) { return std::log1p(x); }, 1},
    {"sin", sin, [](Long x) { return std::sin(x); }, 1.5},
    {"cos", cos, [](Long x) { return std::cos(x); }, 1.5},
    {"erf", erf, [](Long x) { return std::erf(x); }, 2},
    {"tanh", tanh, [](Long x) { return std::tanh(x); }, 2.5},
    {"sigmoid", sigmoid, sigmoid_of, 2.5},
    {"softplus", softplus, [](Long x) { return std::max(x, Long{0}) + log1p_of_power(x); }, 2},
    {"log_sigmoid", log_sigmoid, [](Long x) { return std::min(x, Long{0}) - log1p_of_power(x); }, 2},
};

// Of every size, near -1, where log1p grows, near multiples of pi / 2, and what is special in one of the dtypes.
std::vector<double> numbers(DType dtype) {
  Generator generator(7);
  const auto exponent = [&](double range) { return static_cast<int>(range * (2 * generator.uniform() - 1)); };
  std::vector<double> all;
  for (int i = 0; i < 4000; ++i) {
    const double x = generator.normal();
    for (const double scale : {1.0, 10.0, 30.0, 300.0, 1e5}) all.push_back(scale * x);
    all.push_back(std::ldexp(x, exponent(140)));
    all.push_back(std::ldexp(x, exponent(1060)));
    all.push_back(std::ldexp(std::abs(x), exponent(50)) - 1);
  }
  for (int i = -2000; i <= 2000; ++i) {
    const double x = i * std::numbers::pi / 2;
    all.push_back(x);
    all.push_back(dtype == float32 ? std::nextafter(static_cast<float>(x), 0.0f) : std::nextafter(x, 0.0));
  }
  constexpr double infinity = std::numeric_limits<double>::infinity();
  for (const double x : {0.0,    1.0,    0.55,    4.0,       6.0,       1e-310, 5e-324,  1e-45, 1e-40,
                         1e-38,  3.4e38, 1.7e308, 88.72,     88.73,     87.3,   103.9,   104.0, 709.78,
                         709.79, 744.4,  745.2,   1048576.0, 1048577.0, 1e22,   infinity}) {
    all.push_back(x);
    all.push_back(-x);
  }
  all.push_back(std::numeric_limits<double>::quiet_NaN());
  return all;
}

// |got - wanted| in units of the last place of `wanted`; 0 for two NaN or two equal infinities.
template <class T>
double error_in_ulp(T got, Long wanted) {
  const T rounded = static_cast<T>(wanted);
  if (std::isnan(got) || std::isnan(rounded)) return std::isnan(got) && std::isnan(rounded) ? 0 : 1e9;
  if (std::isinf(got) || std::isinf(rounded)) return got == rounded ? 0 : 1e9;
  const T size = std::abs(rounded);
  return static_cast<double>(std::abs(got - wanted) / (Long{size} - std::nextafter(size, T{-1})));
}

TEST(Elementary, HasItsDigitsEverywhere) {
  for (const DType dtype : {float32, float64}) {
    const std::vector<double> values = numbers(dtype);
    const Tensor x = tensor(values, {static_cast<std::int64_t>(values.size())}, dtype);
    for (const Function& f : functions) {
      SCOPED_TRACE(f.name);
      const Tensor y = f.op(x);
      dispatch(dtype, [&]<class T>() {
        for (std::int64_t i = 0; i < x.size(); ++i) {
          const T in = x.data<T>()[i], out = y.data<T>()[i];
          const Long wanted = f.reference(in);
          ASSERT_LE(error_in_ulp(out, wanted), f.tolerance)
              << dtype << ' ' << in << ": " << out << ", not " << wanted;
          if (wanted == 0) {
            ASSERT_EQ(std::signbit(out), std::signbit(wanted)) << dtype << ' ' << in;
          }
        }
      });
    }
  }
}

TEST(Elementary, GivesTheSameBitsInEveryPlace) {
  for (const DType dtype : {float32, float64}) {
    const Tensor x = square(randn({67}, dtype));
    for (const Function& f : functions) {
      SCOPED_TRACE(f.name);
      const Tensor whole = f.op(x);
      for (int begin = 0; begin < 67; ++begin) {
        for (const int end : {begin + 1, 67})
          expect_same(f.op(slice(x, 0, begin, end)), slice(whole, 0, begin, end));
      }
    }
  }
}

// log(1 + e^-x) for x from 0 to 9: the power to a last place or two. Rounding averages out, a wrong coefficient does not.
TEST(Logsumexp, OfFloat32HasTheRightPowers) {
  const Tensor x = linspace(0, 9, 20001), both = stack({zeros_like(x), -1.0 * x}, 1);
  const Tensor off = cast(logsumexp(both, 1), float64) - logsumexp(cast(both, float64), 1);
  EXPECT_LE(max(abs(off)).item(), 2e-7);
  EXPECT_LE(std::abs(mean(off).item()), 4e-9);
}

}  // namespace
}  // namespace taper::test
