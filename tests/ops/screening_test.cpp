// Screening (ops/kernels/attention/screen.hpp) changes no bit of sparse_attention: a mask that shows everything turns it off.
// A processor that does not multiply bytes goes the same way twice.
#include "support/random_cases.hpp"
#include <taper/taper.hpp>

#include <cmath>
#include <functional>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

using Element = std::function<double()>;

class Screening : public testing::Test, protected RandomCases {
 protected:
  // y and the gradients.
  static Tensors results(const Tensors& x, std::int64_t k, const AttentionOptions& options) {
    Tensors found =
        gradients([&](const Tensors& t) { return sparse_attention(t[0], t[1], t[2], k, options); }, x);
    found.push_back(sparse_attention(x[0], x[1], x[2], k, options));
    return found;
  }
  static void expect_no_difference(const Tensor& queries, const Tensor& keys, std::int64_t k,
                                   AttentionOptions options) {
    Generator generator(1);
    const Tensors x = {queries, keys, randn({keys.extent(0), keys.extent(1), 3}, generator, queries.dtype())};
    const Tensors found = results(x, k, options);
    options.mask = ones({1, 1, 1}, queries.dtype());
    const Tensors expected = results(x, k, options);
    for (std::size_t i = 0; i < found.size(); ++i) expect_same(found[i], expected[i]);
  }

  // A sign for each of `depth` elements, over and over.
  std::function<double()> signs(std::int64_t depth) {
    std::vector<double> drawn;
    for (std::int64_t p = 0; p < depth; ++p) drawn.push_back(one_of({-1., 1.}));
    return [drawn, p = std::size_t{0}]() mutable { return drawn[p++ % drawn.size()]; };
  }
  // Of a row of `depth` elements, the first is 127, so that the unit is 1.
  static Element with_unit_1(std::int64_t depth, Element element) {
    return [=, p = std::int64_t{0}]() mutable {
      const double value = element();
      return p++ % depth == 0 ? 127 : value;
    };
  }
  Element whole(double most) {
    return [this, most] { return std::round(most * (2 * generator.uniform() - 1)); };
  }

  // Elements of one of many kinds.
  Element random_elements(std::int64_t depth) {
    const double size = std::pow(10, one_of({0., 0., 0., -20., 15., generator.uniform() * 4 - 2}));
    const Element normal = [=, this] { return size * generator.normal(); };
    switch (integer(0, 6)) {
      case 0:
        return [=, this] { return chance(0.001) ? 1000 * normal() : normal(); };  // outliers
      case 1:
        return [=] { return size * std::round(normal() / size); };  // ties
      case 2:
        return [=, this] { return chance(0.5) ? 0 : normal(); };
      case 3:
        return [=, this] { return chance(0.1) ? 1e-42 : normal(); };  // subnormal in float32
      case 4:  // rows of other sizes, one in ten of zeros
        return [=, this, p = std::int64_t{0}, row = 1.]() mutable {
          if (p++ % depth == 0) row = chance(0.1) ? 0 : std::pow(10, 3 * generator.normal());
          return row * normal();
        };
      case 5: {  // few different rows, which nearly tie
        std::vector<double> rows;
        for (std::int64_t p = 0; p < 5 * depth; ++p) rows.push_back(normal());
        return [=, this, p = std::int64_t{0}, first = std::int64_t{0}]() mutable {
          if (p++ % depth == 0) first = integer(0, 4) * depth;
          return rows[static_cast<std::size_t>(first + (p - 1) % depth)] * (1 + 1e-7 * generator.normal());
        };
      }
      default:
        return normal;
    }
  }
};

TEST_F(Screening, ChangesNoBit) {
  for (int i = 0; i < 12; ++i) {
    const std::int64_t b = integer(1, 2), n = integer(520, 700), m = integer(2100, 4500),
                       d = one_of<std::int64_t>({32, 33, 47, 64, 70, 128});
    const DType dtype = one_of({float32, float32, float64});
    const std::int64_t k = one_of<std::int64_t>({1, 2, 8, 16, 40, 300});
    AttentionOptions options{.scale = one_of({1., -1., 0.125, 1e-3, 30., 1e10, 1e-15}),
                             .causal = chance(0.3)};
    if (chance(0.3)) options.pattern = Window{integer(2048, 2600)};
    const Tensor queries = filled({b, n, d}, dtype, random_elements(d)),
                 keys = filled({b, m, d}, dtype, random_elements(d));
    SCOPED_TRACE("queries " + printed(queries.shape()) + ", keys " + printed(keys.shape()) + ", k " +
                 std::to_string(k));
    expect_no_difference(queries, keys, k, options);
  }
}

// What bytes leave out of a row is half a unit of each element, and along the other row: no score exceeds its product of bytes by more.
TEST_F(Screening, AllowsForWhatBytesLeaveOut) {
  constexpr std::int64_t n = 520, m = 2100, d = 64;
  for (int i = 0; i < 4; ++i) {
    for (const bool is_of_keys : {false, true}) {
      const Element sign = signs(d);
      const Element along = [&] { return sign() * std::round(60 + 60 * generator.uniform()); };
      // Half of the rows have it, the others leave out the opposite.
      const Element other = [&, sign = sign, p = std::int64_t{0}, part = 0.]() mutable {
        if (p++ % d == 0) part = one_of({-0.49, 0.49});
        return std::round(100 * (2 * generator.uniform() - 1)) + part * sign();
      };
      const Tensor fixed = filled({1, is_of_keys ? n : m, d}, float32, with_unit_1(d, along));
      const Tensor rests = filled({1, is_of_keys ? m : n, d}, float32, with_unit_1(d, other));
      expect_no_difference(is_of_keys ? fixed : rests, is_of_keys ? rests : fixed, 8, {.scale = 1e-5});
    }
  }
}

// Keys with the same sum have the same products of bytes with a query of equal elements. Their scores differ all the same, by what
// is rounded: of large sums, or of numbers so small that products are subnormal.
TEST_F(Screening, AllowsForRounding) {
  constexpr std::int64_t n = 520, m = 2100;
  struct Case {
    std::int64_t d;
    double unit, query;
  };
  for (const auto& [d, unit, query] : {Case{1024, 0.1, 12.7}, Case{32, 0x1p-78, 0x64p-78}}) {
    // Two neighbours are 217 units together.
    const Element element = [&, d = d, unit = unit, p = std::int64_t{0}, first = 0.]() mutable {
      first = p % 2 == 1 ? 217 - first : p % d == 0 ? 127 : static_cast<double>(integer(90, 127));
      ++p;
      return unit * first;
    };
    expect_no_difference(full({1, n, d}, query), filled({1, m, d}, float32, element), 8, {});
  }
}

// A score that overflows makes its row NaN, which bytes don't show. A query that only overflows when it is scaled does not.
TEST_F(Screening, LeavesNanAndInfinityToTheScores) {
  constexpr std::int64_t d = 64;
  const Tensor queries = filled({1, 600, d}, float32, [&] { return 100 * generator.normal(); });
  for (const double odd : {std::nan(""), 1e38}) {
    const Element element = [&, p = std::int64_t{0}]() mutable {
      return p++ == 2500 * d ? odd : generator.normal();
    };
    expect_no_difference(queries, filled({1, 3000, d}, float32, element), 8, {});
  }
  Generator other(2);
  expect_no_difference(queries * 1e30, randn({1, 3000, d}, other) * 1e-20, 8, {.scale = 1e10});
}

// Rows of whole numbers are their bytes: scores that tie with a row's bound, or exceed it by one, are told apart.
TEST_F(Screening, TellsNextScoresApart) {
  constexpr std::int64_t d = 32;
  for (const double most : {1., 2., 20.}) {
    const Tensor queries = filled({1, 600, d}, float32, with_unit_1(d, whole(most)));
    const Tensor keys = filled({1, 3000, d}, float32, with_unit_1(d, whole(most)));
    for (const double scale : {1., 0.25, 0.01}) expect_no_difference(queries, keys, 8, {.scale = scale});
  }
}

}  // namespace
}  // namespace taper::test
