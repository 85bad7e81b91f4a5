// sparse_softmax and its relatives: the tables of docs/ops/sparse_softmax.md, row by row.
// sparse_softmax_property_test.cpp draws random cases.
#include "support/helpers.hpp"
#include <taper/taper.hpp>

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
const double nan = std::numeric_limits<double>::quiet_NaN();

using Sparse = Tensor (*)(const Tensor&, std::int64_t, int);
const std::vector<Sparse> all_three{sparse_softmax, sparse_softmax_as_written, topk_softmax};

Tensor vjp_of(Sparse f, const Tensor& z, std::int64_t k, const Tensor& v) {
  return gradient_of([=](const Tensor& x) { return f(x, k, -1); }, z, v);
}

struct Example {
  Row z;
  std::int64_t k;
  Row projection, as_written, topk;
};

// Both tables of examples. Numbers printed there with five or six digits are held to those.
TEST(SparseSoftmax, ExamplesOfTheContract) {
  const std::vector<Example> examples{
      {{2, 1.5, 0.1, -1, 3.2, 0.7},
       3,
       {0, 0, 0, 0, 1, 0},
       {0.1, 0, 0, 0, 1.3, 0},
       {0.20298, 0.12311, 0, 0, 0.67391, 0}},
      {{2, -0.5}, 2, {1, 0}, {1.75, 0}, {0.924142, 0.075858}},
      {{1.5, -1}, 2, {1, 0}, {1.75, 0}, {0.924142, 0.075858}},
      {{0.1, 2.5}, 2, {0, 1}, {0, 1.7}, {0.083173, 0.916827}},
      {{-1, 3}, 2, {0, 1}, {0, 2.5}, {0.017986, 0.982014}},
      {{1.2, 1, 0.9, 0.8, -1},
       3,
       {0.5, 0.3, 0.2, 0, 0},
       {0.5, 0.3, 0.2, 0.1, 0},
       {0.390694, 0.319873, 0.289433, 0, 0}},
      {{1, 0.9, 0.9, 0.9},
       2,
       {0.55, 0.45, 0, 0},
       {0.55, 0.45, 0.45, 0.45},
       {1 / (1 + std::exp(-0.1)), 1 / (1 + std::exp(0.1)), 0, 0}},
  };
  for (const Example& example : examples) {
    const Tensor z = row(example.z);
    expect_values(sparse_softmax(z, example.k), example.projection);
    expect_values(sparse_softmax_as_written(z, example.k), example.as_written);
    expect_values(topk_softmax(z, example.k), example.topk, 5e-6);
  }
}

TEST(SparseSoftmax, DocumentedExample2AsABatchOfFloat32) {
  const Tensor batch = tensor({{2, -0.5}, {1.5, -1}, {0.1, 2.5}, {-1, 3}});
  expect_values(sparse_softmax(batch, 2), {1, 0, 1, 0, 0, 1, 0, 1}, 0);
}

TEST(SparseSoftmax, DefaultsAreThreeAndTheLastAxis) {
  const Tensor z = tensor({{1.2, 1, 0.9, 0.8, -1}, {0, 0, 0, 0, 0}}, float64);
  const double third = 1. / 3;
  expect_values(sparse_softmax(z), {0.5, 0.3, 0.2, 0, 0, third, third, third, 0, 0});
  for (const Sparse f : all_three) EXPECT_TRUE(f(z, 3, -1).shape() == z.shape());
}

// With k = m and the (k+1)th at or below tau, the formula as printed is the projection.
TEST(SparseSoftmax, EqualsTheFormulaAsWrittenWhereThatIsAProjection) {
  const Tensor z = row({0.5, 0.1, 0.4, -3, -0.6});
  expect_close(sparse_softmax_as_written(z, 3), sparse_softmax(z, 3));
  EXPECT_NEAR(sum(sparse_softmax_as_written(z, 3)).item(), 1, 1e-12);
}

TEST(SparseSoftmax, FromNOnKIsPlainSparsemax) {
  const Tensor z = row({0.3, 0.2, 0.1, 0.25});
  const double tau = (0.85 - 1) / 4;
  const Row plain{0.3 - tau, 0.2 - tau, 0.1 - tau, 0.25 - tau};
  for (const std::int64_t k : {std::int64_t{4}, std::int64_t{5}, std::numeric_limits<std::int64_t>::max()}) {
    expect_values(sparse_softmax(z, k), plain);
  }
}

TEST(SparseSoftmax, TiesGoToTheLowestIndex) {
  expect_values(sparse_softmax(row({0, 7, 7, 7, 7}), 2), {0, 0.5, 0.5, 0, 0});
  expect_values(sparse_softmax(row({7, 7, 7, 7, 8}), 1), {0, 0, 0, 0, 1});
  expect_values(sparse_softmax(row({7, 7, 7, 7, 7.5}), 3), {1. / 6, 1. / 6, 0, 0, 2. / 3});
  expect_values(topk_softmax(row({0, 7, 7, 7}), 2), {0, 0.5, 0.5, 0});
  // As written every element above tau survives; which of the ties counts among the k shows in the gradient.
  expect_values(vjp_of(sparse_softmax_as_written, row({1, 0.9, 0.9, 0.9}), 2, row({1, 2, 3, 4})),
                {1 - 5, 2 - 5, 3, 4});
  expect_values(vjp_of(sparse_softmax, row({1, 0.9, 0.9, 0.9}), 2, row({1, 2, 3, 4})), {-0.5, 0.5, 0, 0});
  expect_values(sparse_softmax(row({0.0, -0.0}), 1), {1, 0});
  expect_values(sparse_softmax(row({-0.0, 0.0}), 1), {1, 0});
}

TEST(SparseSoftmax, MinusInfinityIsNeverInTheSupport) {
  const Tensor z = row({-inf, 0.5, -inf, 0.25}), v = row({1, 2, 3, 5});
  expect_values(sparse_softmax(z, 4), {0, 0.625, 0, 0.375});
  expect_values(sparse_softmax_as_written(z, 4), {0, 0.625, 0, 0.375});
  const double e = 1 / (1 + std::exp(-0.25));
  expect_values(topk_softmax(z, 4), {0, e, 0, 1 - e});
  expect_values(vjp_of(sparse_softmax, z, 4, v), {0, -1.5, 0, 1.5});
  expect_values(vjp_of(sparse_softmax_as_written, z, 4, v), {0, -1.5, 0, 1.5});
  expect_values(vjp_of(topk_softmax, z, 4, v), {0, -3 * e * (1 - e), 0, 3 * e * (1 - e)});
}

TEST(SparseSoftmax, AFullyMaskedRowIsZeroWithGradientZero) {
  const Tensor z = tensor({{-inf, -inf, -inf}, {0, -inf, 0.5}}, float64);
  for (const Sparse f : all_three) {
    const Tensor p = f(z, 2, -1);
    const Tensor dz = vjp_of(f, z, 2, tensor({{1, 2, 3}, {1, 2, 3}}, float64));
    expect_values(slice(p, 0, 0, 1), {0, 0, 0}, 0);
    expect_values(slice(dz, 0, 0, 1), {0, 0, 0}, 0);
    EXPECT_NEAR(sum(p).item(), 1, 1e-12) << "the other row is not touched";
    for (double g : slice(dz, 0, 1, 2).to_vector()) EXPECT_TRUE(std::isfinite(g));
  }
}

TEST(SparseSoftmax, NaNOrInfinityMakesTheWholeRowNaN) {
  for (const Sparse f : all_three) {
    for (const Row& bad :
         {Row{1, nan, 0}, Row{nan, 1, 2}, Row{0, -inf, nan}, Row{5, 4, inf}, Row{inf, inf, -inf}}) {
      const Tensor z = concat({reshape(row(bad), {1, 3}), zeros({1, 3}, float64)});
      const Tensor p = f(z, 2, -1), dz = vjp_of(f, z, 2, tensor({{1, 2, 3}, {1, 2, 3}}, float64));
      expect_values(slice(p, 0, 0, 1), {nan, nan, nan});
      expect_values(slice(dz, 0, 0, 1), {nan, nan, nan});
      for (const Tensor& t : {p, dz}) {
        for (double value : slice(t, 0, 1, 2).to_vector()) EXPECT_TRUE(std::isfinite(value));
      }
    }
  }
}

TEST(SparseSoftmax, AnEmptyRowStaysEmpty) {
  for (const Sparse f : all_three) {
    EXPECT_TRUE(f(zeros({3, 0}), 2, -1).shape() == (Shape{3, 0}));
    EXPECT_TRUE(vjp_of(f, zeros({3, 0}), 2, zeros({3, 0})).shape() == (Shape{3, 0}));
    EXPECT_TRUE(f(zeros({0}), 1, 0).shape() == Shape{0});
  }
}

TEST(SparseSoftmax, HugeValuesAreExact) {
  expect_values(sparse_softmax(row({1e30, -1e30, 1e30}), 3), {0.5, 0, 0.5}, 0);
  expect_values(sparse_softmax(row({-1e30, -1e30, -2e30}), 3), {0.5, 0.5, 0}, 0);
  expect_values(sparse_softmax_as_written(row({1e30, 1e30}), 2), {0.5, 0.5}, 0);
  expect_values(topk_softmax(row({1e30, -1e30, 1e30}), 3), {0.5, 0, 0.5}, 0);
  const double largest = std::numeric_limits<double>::max();
  expect_values(sparse_softmax(row({largest, -largest}), 2), {1, 0}, 0);
  expect_values(sparse_softmax(tensor({3e38, -3e38, 3e38}), 2), {0.5, 0, 0.5}, 0);
  // 2^53 + 2 and 2^53 lie 2 apart: the support is one element. 2^52 + 0.5 does not exist.
  expect_values(sparse_softmax(row({0x1p53, 0x1p53 + 2}), 2), {0, 1}, 0);
  expect_values(sparse_softmax(row({0x1p51, 0x1p51 + 0.5}), 2), {0.25, 0.75}, 0);
}

TEST(SparseSoftmax, ADenormalStepBelowTheMaximumMinusOneIsNotInTheSupport) {
  expect_values(sparse_softmax(row({1, 0}), 2), {1, 0}, 0);  // on the kink: 0 = tau
  expect_values(sparse_softmax(row({1, 0x1p-52}), 2), {1 - 0x1p-53, 0x1p-53}, 0);
  expect_values(sparse_softmax(tensor({16777216, 16777215}), 2), {1, 0}, 0);
}

// The vector-Jacobian product is s * (v - mean of v over S): it sums to 0 over the support, is 0 elsewhere,
// and is its own Jacobian-vector product.
TEST(SparseSoftmax, ItsJacobianIsTheCenteringOfTheSupport) {
  const Tensor z = row({1.2, 1, 0.9, 0.8, -1}), v = row({1, 4, 10, 100, 1000});
  expect_values(vjp_of(sparse_softmax, z, 3, v), {-4, -1, 5, 0, 0});
  expect_values(vjp_of(sparse_softmax, z, 1, v), {0, 0, 0, 0, 0});

  // J by its columns, from central differences, is symmetric and equals the rows that backward gives.
  const double h = 1e-6;
  for (std::int64_t i = 0; i < 5; ++i) {
    Tensor up = z.clone(), down = z.clone(), unit = zeros({5}, float64);
    up.mutable_data<double>()[i] += h;
    down.mutable_data<double>()[i] -= h;
    unit.mutable_data<double>()[i] = 1;
    const Tensor column = (sparse_softmax(up, 3) - sparse_softmax(down, 3)) / (2 * h);
    expect_close(vjp_of(sparse_softmax, z, 3, unit), column, 1e-8);
  }
}

TEST(SparseSoftmax, TheFormulaAsWrittenHasTwoTermsInItsGradient) {
  // Example 1: the survivors are 2 and 3.2 (indices 0, 4); the three largest are indices 0, 1 and 4.
  const Tensor z = row({2, 1.5, 0.1, -1, 3.2, 0.7}), v = row({1, 10, 100, 1000, 5, 7});
  expect_values(vjp_of(sparse_softmax_as_written, z, 3, v), {1 - 2, -2, 0, 0, 5 - 2, 0});
}

TEST(SparseSoftmax, GradcheckFindsTheKinkAtTau) {
  // z = (1, 0) sits on tau = 0: the one-sided derivatives differ at both elements.
  const auto f = [](const Tensor& z) { return sparse_softmax(z, 2); };
  const GradcheckReport at_kink = gradcheck(f, row({1, 0}));
  EXPECT_EQ(at_kink.kinks.size(), 2u) << at_kink;
  EXPECT_NE(at_kink.verdict, Verdict::failed) << at_kink;
  EXPECT_TRUE(gradcheck(f, row({1, 0.1})).kinks.empty());
}

// How far the nearest change of support is: z = (3, 2.2) has tau = 2.1, and both survive until one is 1 above
// the other.
TEST(SparseSoftmax, GradcheckTellsHowFarTheNearestChangeOfSupportIs) {
  const GradcheckReport report =
      gradcheck([](const Tensor& z) { return sparse_softmax(z, 2); }, row({3, 2.2, 0}));
  ASSERT_TRUE(report.support_change.has_value()) << report;
  EXPECT_NEAR(std::abs(report.support_change->step), 0.2, 1e-3) << report;
  EXPECT_NE(printed(report).find("the zeros of f change first if argument 0"), std::string::npos) << report;
}

TEST(SparseSoftmax, ATieInsideTheSupportIsAJump) {
  const double h = 1e-9;
  const auto at = [](double second, double third) { return sparse_softmax(row({1, second, third}), 2); };
  expect_values(at(0.9, 0.9 - h), {0.55, 0.45, 0}, 1e-8);
  expect_values(at(0.9, 0.9 + h), {0.55, 0, 0.45}, 1e-8);
  const auto f = [](const Tensor& z) { return sparse_softmax(z, 2); };
  const GradcheckReport report = gradcheck(f, row({1, 0.9, 0.9}));
  ASSERT_EQ(report.kinks.size(), 2u) << "the two that tie, each continuous on one side: " << report;
  for (const GradcheckReport::Element& kink : report.kinks) EXPECT_LE(kink.error, 1) << report;
}

TEST(SparseSoftmax, ATieOutsideTheSupportIsNothing) {
  const auto f = [](const Tensor& z) { return sparse_softmax(z, 2); };
  const GradcheckReport report = gradcheck(f, row({3, 0.9, 0.9}));
  EXPECT_TRUE(report.ok()) << report;
  EXPECT_TRUE(report.kinks.empty()) << report;
}

TEST(SparseSoftmax, SecondDerivativesAreZero) {
  Tensor z = row({1.2, 1, 0.9, 0.8, -1}).requires_grad();
  for (const Sparse f : {Sparse{sparse_softmax}, Sparse{sparse_softmax_as_written}}) {
    Tape tape;
    Tensor v = row({1, 4, 10, 100, 1000}).requires_grad();
    const Tensor dz = tape.gradient(f(z, 3, -1), {z}, {.create_graph = true, .cotangent = v})[0];
    const Tensors second = tape.gradient(sum(square(dz)), {z, v});
    expect_values(second[0], {0, 0, 0, 0, 0}, 0);
    EXPECT_GT(sum(abs(second[1])).item(), 1) << "but it does depend on v";
  }
}

}  // namespace
}  // namespace taper::test
