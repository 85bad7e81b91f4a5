// Accuracy and the confusion matrix: small cases by hand, and one against the other.
#include "support/helpers.hpp"
#include "support/random_cases.hpp"
#include <taper/taper.hpp>

#include <cmath>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

TEST(Metrics, CountWhatIsRight) {
  for (const DType dtype : {float32, float64}) {
    const Tensor logits = tensor({{1, 2, 3}, {5, 4, 3}, {0, 7, 1}, {2, 2, 0}}, dtype);
    EXPECT_EQ(nn::accuracy(logits, {2, 0, 0, 0}), 0.75);  // the first of equal ones
    EXPECT_EQ(nn::accuracy(logits, {2, 0, 0, 1}), 0.5);
    EXPECT_EQ(nn::accuracy(logits, {2, -100, -100, 1}), 0.5);
    const Tensor matrix = nn::confusion_matrix(logits, {2, 0, 0, 2});
    EXPECT_EQ(matrix.dtype(), float64);
    EXPECT_EQ(matrix.shape(), (Shape{3, 3}));
    expect_values(matrix, {1, 1, 0, 0, 0, 0, 1, 0, 1}, 0);  // the label's row, the prediction's column
  }
  EXPECT_EQ(nn::accuracy(tensor({{{0, 1}, {1, 0}}}), Indices({1, 1}, {1, 2})), 0.5);
}

TEST(Metrics, NaNIsNoPrediction) {
  const Tensor logits = tensor({{std::nan(""), 0}, {0, std::nan("")}, {1, 0}, {std::nan(""), 0}});
  EXPECT_EQ(nn::accuracy(logits, {0, 1, 0, -100}), 1.0 / 3);
  expect_error("confusion_matrix",
               [&] {
                 nn::confusion_matrix(logits, {-100, 1, 0, -100});
               },
               {"row 1", "NaN"});
  expect_values(nn::confusion_matrix(logits, {-100, -100, 0, -100}), {1, 0, 0, 0}, 0);
}

class RandomMetrics : public testing::Test, protected RandomCases {};

TEST_F(RandomMetrics, TheDiagonalHoldsWhatIsRight) {
  const std::int64_t rows = integer(1, 50), classes = integer(1, 6);
  const Tensor logits = randn({rows, classes}, generator);
  std::vector<std::int64_t> labels;
  for (std::int64_t i = 0; i < rows; ++i) labels.push_back(integer(0, classes - 1));
  const std::vector<double> counts = nn::confusion_matrix(logits, labels).to_vector();
  double right = 0, all = 0;
  for (std::int64_t i = 0; i < classes * classes; ++i) {
    const double count = counts[static_cast<std::size_t>(i)];
    all += count;
    if (i % (classes + 1) == 0) right += count;
  }
  EXPECT_EQ(all, static_cast<double>(rows));
  EXPECT_EQ(nn::accuracy(logits, labels), right / all);
}

TEST(Metrics, RefuseWhatDoesNotFit) {
  using Metric = std::function<void(const Tensor&, const Indices&)>;
  const auto expect_refusals = [](const std::string& op, const Metric& call) {
    expect_error(op, [&] { call(ones({2, 3}), {0}); }, {"shape"});
    expect_error(op, [&] { call(ones({}), {0}); }, {"shape"});
    expect_error(op, [&] { call(ones({1, 3}), {3}); }, {"labels has 3"});
    expect_error(op, [&] { call(ones({1, 3}), {-1}); }, {"labels has -1"});
    expect_error(op, [&] { call(ones({1, 3}), {-100}); });
    expect_error(op, [&] { call(Tensor(), {0}); }, {"logits"});
  };
  expect_refusals("accuracy", [](const Tensor& x, const Indices& y) { nn::accuracy(x, y); });
  expect_refusals("confusion_matrix", [](const Tensor& x, const Indices& y) { nn::confusion_matrix(x, y); });
}

}  // namespace
}  // namespace taper::test
