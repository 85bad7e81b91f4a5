// Dataset: x and y stay together; the parts of a split; standardisation against its formula; padding.
#include "support/helpers.hpp"
#include <taper/taper.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

using Rows = std::vector<std::int64_t>;

// Example i has the x (i, i + 0.5) and the label 10 i.
nn::Dataset<Tensor, Indices> numbered(std::int64_t count) {
  Rows labels;
  std::vector<double> values;
  for (std::int64_t i = 0; i < count; ++i) {
    labels.push_back(10 * i);
    values.insert(values.end(), {static_cast<double>(i), static_cast<double>(i) + 0.5});
  }
  return {tensor(values, {count, 2}), labels};
}

TEST(Dataset, SelectsRowsOfBothParts) {
  const auto [x, y] = numbered(5).select({3, 0, 3});
  expect_values(x, {3, 3.5, 0, 0.5, 3, 3.5}, 0);
  EXPECT_EQ(x.shape(), (Shape{3, 2}));
  EXPECT_EQ(y.shape(), Shape{3});
  for (const auto& [i, label] : {std::pair{0, 30}, {1, 0}, {2, 30}}) EXPECT_EQ(y[i], label);
  EXPECT_EQ(numbered(5).select({}).size(), 0);
  EXPECT_EQ(numbered(5).select({}).select({}).y.size(), 0);
}

TEST(Dataset, HoldsTensorsAndIndicesOfAnyRank) {
  const Indices tokens({1, 2, 3, 4, 5, 6}, {3, 2});
  const nn::Dataset text(tokens, tokens);
  EXPECT_EQ(text.select({2}).x[1], 6);
  EXPECT_EQ(text.select({2}).y.shape(), (Shape{1, 2}));
  const nn::Dataset line(tensor({{1}, {2}, {3}}), tensor({2, 4, 6}));
  expect_values(line.select({1, 2}).y, {4, 6}, 0);
  const nn::Dataset mixed(tokens, tensor({2, 4, 6}));
  EXPECT_EQ(mixed.size(), 3);
  const nn::Dataset labels(tensor({{1}, {2}}), Rows{4, 5});  // a vector of labels is Indices
  EXPECT_EQ(labels.y[1], 5);
}

TEST(Dataset, ABatchHasNoHistory) {
  Tensor x = ones({4, 2}).requires_grad();
  Tape tape;
  const nn::Dataset data(x * 2, Rows{0, 1, 2, 3});
  const std::size_t before = tape.node_count();
  const Tensor batch = data.select({1, 2}).x;
  EXPECT_EQ(tape.node_count(), before);
  EXPECT_FALSE(batch.wants_grad());
}

TEST(Dataset, AnEpochOfBatchesShowsEveryExample) {
  const auto data = numbered(10);
  nn::Batches batches(data.size(), 4, fresh_seed());
  std::set<std::int64_t> seen;
  for (std::int64_t step = 0; step < batches.steps_per_epoch(); ++step) {
    const auto [x, y] = data.select(batches(step));
    for (std::int64_t i = 0; i < y.size(); ++i) {
      EXPECT_EQ(x.to_vector()[static_cast<std::size_t>(2 * i)] * 10, static_cast<double>(y[i]));
      seen.insert(y[i]);
    }
  }
  EXPECT_EQ(seen.size(), 10u);
}

TEST(Dataset, SplitsIntoPartsThatShareNothing) {
  const auto data = numbered(50);
  const auto [training, test] = data.split(0.3, 7);
  EXPECT_EQ(training.size(), 35);
  EXPECT_EQ(test.size(), 15);
  std::set<std::int64_t> seen;
  Rows order;
  for (const auto& part : {training, test}) {
    for (std::int64_t i = 0; i < part.size(); ++i) {
      EXPECT_EQ(part.x.to_vector()[static_cast<std::size_t>(2 * i)] * 10, static_cast<double>(part.y[i]));
      seen.insert(part.y[i]);
      order.push_back(part.y[i]);
    }
  }
  EXPECT_EQ(seen.size(), 50u);
  EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
  expect_same(data.split(0.3, 7).first.x, training.x);
  EXPECT_NE(data.split(0.3, 8).first.x.to_vector(), training.x.to_vector());
  EXPECT_EQ(numbered(3).split(0.5, 0).second.size(), 2);  // 1.5 is rounded away from 0
}

TEST(Dataset, RefusesWhatMakesNoSense) {
  expect_error("Dataset", [] { nn::Dataset(ones({3, 2}), Rows{1, 2}); }, {"(3, 2)", "(2,)"});
  expect_error("Dataset", [] { nn::Dataset(ones({}), ones({1})); }, {"()"});
  const auto data = numbered(4);
  expect_error("Dataset", [&] { data.select({0, 4}); }, {"row 4", "of 4"});
  expect_error("Dataset", [&] { data.select({-1}); }, {"row -1"});
  for (const double share : {0.0, 1.0, 0.1, 0.9, -0.5, 1.5, std::nan("")}) {
    expect_error("Dataset", [&] { data.split(share, 0); }, {"4 examples"});
  }
}

TEST(Standardize, HasMean0AndDeviation1OnWhatItWasFittedOn) {
  Generator generator(fresh_seed());
  for (const DType dtype : {float32, float64}) {
    const Tensor x = randn({200, 2, 3}, generator, dtype) * 7 + 100;
    const nn::Standardize standardize(x);
    const double tolerance = dtype == float32 ? 1e-4 : 1e-12;
    const Tensor y = standardize(x);
    EXPECT_EQ(y.dtype(), dtype);
    expect_close(mean(y, 0), zeros({2, 3}, dtype), tolerance);
    expect_close(mean(square(y), 0), ones({2, 3}, dtype), tolerance);
    expect_close(standardize.inverse(y), x, tolerance);
  }
}

TEST(Standardize, UsesTheNumbersOfTheTrainingPart) {
  const nn::Standardize standardize(tensor({{1, 5}, {3, 5}}, float64));  // mean 2 and 5, deviation 1 and 0
  expect_values(standardize.mean, {2, 5}, 0);
  expect_values(standardize.deviation, {1, 1}, 0);
  expect_values(standardize(tensor({{4, 5}, {2, 7}}, float64)), {2, 0, 0, 2}, 0);
  expect_values(standardize.inverse(tensor({{2, 1}}, float64)), {4, 6}, 0);
  const nn::Sequential model{standardize, square};
  expect_values(model(tensor({{4, 5}}, float64)), {4, 0}, 0);
}

TEST(Standardize, IsSavedAndMovedWithItsModel) {
  const auto model_of = [](const Tensor& x) { return nn::Sequential{nn::Standardize(x), nn::Linear(2, 1)}; };
  const nn::Sequential fitted = model_of(tensor({{1, 5}, {3, 9}})), other = model_of(ones({2, 2}));
  EXPECT_EQ(fitted.named_buffers().size(), 2u);
  EXPECT_EQ(fitted.named_buffers()[0].first, "0.mean");
  EXPECT_EQ(fitted.parameters().size(), 2u);  // those of Linear
  other.load_state_dict(fitted.state_dict());
  const Tensor x = tensor({{4, 5}});
  expect_same(other(x), fitted(x));
  other.to(float64);
  expect_close(other(x.to(float64)), fitted(x).to(float64), 1e-6);
}

TEST(Standardize, AColumnOfEqualNumbersBecomes0) {
  for (const DType dtype : {float32, float64}) {
    // A sum of a thousand times 0.1 is not 100.
    expect_same(nn::Standardize(full({1000, 1}, 0.1, dtype))(full({2, 1}, 0.1, dtype)), zeros({2, 1}, dtype));
  }
  // A deviation that float32 can't hold is as good as none.
  const float smallest = std::numeric_limits<float>::denorm_min();
  expect_values(
      nn::Standardize(tensor(std::vector<float>{0, 0, 0, 0, 0, 0, 0, 0, 0, smallest}, {10, 1})).deviation,
      {1}, 0);
}

TEST(Standardize, RefusesWhatMakesNoSense) {
  const double inf = std::numeric_limits<double>::infinity();
  for (const double bad : {std::nan(""), inf, -inf, 1e200}) {
    expect_error("Standardize", [&] { nn::Standardize(tensor({{1, 2}, {1, bad}}, float64)); }, {"column 1"});
  }
  expect_error("Standardize", [&] { nn::Standardize(full({3, 1}, inf)); }, {"column 0"});
  expect_error("Standardize", [] { nn::Standardize(zeros({0, 2})); }, {"at least one row"});
  expect_error("Standardize", [] { nn::Standardize(ones({})); }, {"at least one row"});
  const nn::Standardize standardize(ones({3, 2}));
  expect_error("Standardize", [&] { standardize(ones({3, 1})); }, {"x is float32 (3, 1)", "(2,)"});
  expect_error("Standardize", [&] { standardize(ones({3, 2}, float64)); }, {"x is float64"});
  expect_error("Standardize", [&] { standardize.inverse(ones({})); }, {"y is float32 ()"});
}

TEST(PadSequences, FillsBehindTheEndOfEach) {
  const Tensor padded =
      nn::pad_sequences({tensor({{1, 2}}), tensor({{3, 4}, {5, 6}}), Tensor(zeros({0, 2}))}, -1);
  EXPECT_EQ(padded.shape(), (Shape{3, 2, 2}));
  expect_values(padded, {1, 2, -1, -1, 3, 4, 5, 6, -1, -1, -1, -1}, 0);
  EXPECT_EQ(nn::pad_sequences({tensor({1}, float64), tensor({1, 2}, float64)}).dtype(), float64);

  const std::vector<Rows> texts{{1, 2, 3}, {}, {4}};
  const Indices tokens = nn::pad_sequences(texts, -100);
  EXPECT_EQ(tokens.shape(), (Shape{3, 3}));
  const Rows wanted{1, 2, 3, -100, -100, -100, 4, -100, -100};
  for (std::int64_t i = 0; i < 9; ++i) EXPECT_EQ(tokens[i], wanted[static_cast<std::size_t>(i)]);
}

TEST(PadSequences, RefusesWhatDoesNotFit) {
  expect_error("pad_sequences", [] { nn::pad_sequences(std::vector<Tensor>()); }, {"no sequence"});
  expect_error("pad_sequences", [] { nn::pad_sequences(std::vector<Rows>()); }, {"no sequence"});
  expect_error("pad_sequences",
               [] {
                 nn::pad_sequences({ones({2, 2}), ones({2, 3})});
               },
               {"(2, 2)", "(2, 3)"});
  expect_error("pad_sequences", [] { nn::pad_sequences({ones({2}), ones({2}, float64)}); }, {"float64"});
  expect_error("pad_sequences", [] { nn::pad_sequences({ones({})}); }, {"()"});
  expect_error("pad_sequences", [] { nn::pad_sequences({ones({1}), Tensor()}); }, {"sequences[1]"});
}

}  // namespace
}  // namespace taper::test
