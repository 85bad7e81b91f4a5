// fit: the same bits as the loop that one writes by hand; what it records, when it stops, and its modes.
#include "support/helpers.hpp"
#include <taper/taper.hpp>

#include <cmath>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

using training::fit;
using training::FitOptions;
using training::History;

// Points of the plane, and on which side of a line they lie.
nn::Dataset<Tensor, Indices> points(std::int64_t count, std::uint64_t seed) {
  Generator generator(seed);
  const Tensor x = randn({count, 2}, generator);
  std::vector<std::int64_t> side;
  for (std::int64_t i = 0; i < count; ++i) side.push_back(x.at(i, 0) > x.at(i, 1));
  return {x, side};
}

nn::Sequential network() {
  Generator generator(1);
  return nn::Sequential{nn::Linear(2, 8, generator), relu, nn::Linear(8, 2, generator)};
}

// y = w x for w = 0 at first, and whether the model was in training mode when it was last called.
struct Slope : nn::Module {
  Tensor w = tensor({0.0}, float64).requires_grad();
  mutable bool was_training = false;
  void list(nn::Parts& parts) const override { parts.add("w", w); }
  Tensor operator()(const Tensor& x) const {
    was_training = is_training();
    return w * x;
  }
};

// The lines y = slope x at x = 1, 1, ….
nn::Dataset<Tensor, Tensor> line(double slope, std::int64_t count) {
  return {ones({count, 1}, float64), full({count, 1}, slope, float64)};
}

const FitOptions quiet{.progress = false};

TEST(Fit, DoesWhatALoopByHandDoes) {
  const auto training = points(50, 2), test = points(20, 3);
  const auto schedule = optim::Schedule::cosine(0.1, 12);
  const nn::Sequential fitted = network(), looped = network();
  optim::Adam adam(fitted.parameters()), other(looped.parameters());
  const History history = fit(
      fitted, adam, nn::cross_entropy, training, test,
      {.epochs = 3, .batch_size = 16, .seed = 5, .learning_rate = schedule, .progress = false, .name = "a"});

  nn::Batches batches(50, 16, 5);
  std::vector<double> losses;
  for (int epoch = 0, step = 0; epoch < 3; ++epoch) {
    double total = 0;
    for (int i = 0; i < 4; ++i, ++step) {
      const auto [x, y] = training.select(batches(step));
      Tape tape;
      const Tensor loss = nn::cross_entropy(looped(x), y);
      other.zero_grad();
      tape.backward(loss);
      other.set_learning_rate(schedule(step));
      other.step();
      total += loss.item() * (i < 3 ? 16 : 2);
    }
    losses.push_back(total / 50);
  }
  for (std::size_t i = 0; i < 4; ++i) expect_same(fitted.parameters()[i], looped.parameters()[i]);
  EXPECT_EQ(history.name(), "a");
  EXPECT_EQ(history.curve("loss").step, (std::vector<double>{1, 2, 3}));
  EXPECT_EQ(history.curve("loss").value, losses);
  EXPECT_EQ(history.curves().size(), 2u);
  EXPECT_NEAR(history.curve("validation loss").value[2], nn::cross_entropy(looped(test.x), test.y).item(),
              1e-6);
  EXPECT_LT(losses[2], losses[0]);
}

TEST(Fit, WithoutValidationThereIsOneCurve) {
  const nn::Sequential model = network();
  optim::Sgd sgd(model.parameters(), {.learning_rate = 0.1});
  const History history = fit(model, sgd, nn::cross_entropy, points(10, 1), quiet);
  EXPECT_EQ(history.curves().size(), 1u);
  EXPECT_EQ(history.curve("loss").value.size(), 10u);
}

TEST(Fit, TakesALambdaAsLossAndTensorsAsAnswers) {
  const Slope model;
  optim::Sgd sgd(model.parameters(), {.learning_rate = 0.25});
  const auto loss = [](const Tensor& prediction, const Tensor& y) { return mean(square(prediction - y)); };
  // w <- w - rate 2 (w - 1) = (w + 1) / 2 in each of three epochs.
  const History history =
      fit(model, sgd, loss, line(1, 4), {.epochs = 3, .batch_size = 4, .progress = false});
  expect_values(model.w, {0.875}, 1e-15);
  expect_values(row(history.curve("loss").value), {1, 0.25, 0.0625}, 1e-15);
}

TEST(Fit, AMeanCountsExamplesNotBatches) {
  // Losses 1 and, for the single example of the second batch, 9: their mean is (4 + 9) / 5.
  const Slope model;
  const nn::Dataset data(ones({5, 1}, float64), tensor({{1}, {1}, {1}, {1}, {3}}, float64));
  const double loss = training::mean_loss(model, nn::mean_squared_error, data, 2);
  EXPECT_NEAR(loss, 13.0 / 5, 1e-15);
  EXPECT_EQ(training::mean_loss(model, nn::mean_squared_error, data), loss);
}

TEST(Fit, TrainsInTrainingModeAndEndsInEvaluationMode) {
  const Slope model;
  model.eval();
  optim::Sgd sgd(model.parameters(), {.learning_rate = 0.25});
  std::vector<bool> modes;
  const auto loss = [&](const Tensor& prediction, const Tensor& y) {
    modes.push_back(model.was_training);
    return nn::mean_squared_error(prediction, y);
  };
  fit(model, sgd, loss, line(1, 2), line(1, 1), {.epochs = 2, .batch_size = 1, .progress = false});
  EXPECT_EQ(modes, (std::vector<bool>{true, true, false, true, true, false}));
  EXPECT_FALSE(model.is_training());
}

TEST(Fit, StopsEarlyWithTheBestWeights) {
  const Slope model;
  optim::Sgd sgd(model.parameters(), {.learning_rate = 0.05});
  // w goes up to 1 by a tenth of what is left, and passes 0.5, the best for validation, in epoch 7.
  const auto run = [&](const FitOptions& options) {
    return fit(model, sgd, nn::mean_squared_error, line(1, 4), line(0.5, 4), options);
  };
  const History history = run({.epochs = 50, .patience = 3, .progress = false});
  EXPECT_EQ(history.curve("validation loss").step.size(), 10u);
  expect_values(model.w, {1 - std::pow(0.9, 7)}, 1e-12);
  // The training loss goes on falling, and is watched if there is nothing else.
  const History rest =
      fit(model, sgd, nn::mean_squared_error, line(1, 4), {.epochs = 50, .patience = 3, .progress = false});
  EXPECT_EQ(rest.curve("loss").step.size(), 50u);
  // Without patience the last weights stay.
  EXPECT_EQ(run({.epochs = 20, .progress = false}).curve("loss").step.size(), 20u);
  EXPECT_GT(model.w.item(), 0.99);
  // Progress by less than min_delta is none.
  const History flat = run({.epochs = 20, .patience = 2, .min_delta = 10, .progress = false});
  EXPECT_EQ(flat.curve("loss").step.size(), 3u);
}

TEST(Fit, CallsBackAfterEachEpoch) {
  const nn::Sequential model = network();
  optim::Adam adam(model.parameters());
  const auto data = points(10, 1);
  const History history = fit(model, adam, nn::cross_entropy, data,
                              {.epochs = 3,
                               .after_epoch =
                                   [&](std::int64_t epoch, History& so_far) {
                                     EXPECT_FALSE(model.is_training());
                                     EXPECT_EQ(so_far.curve("loss").step.back(), static_cast<double>(epoch));
                                     so_far.add("accuracy", epoch, nn::accuracy(model(data.x), data.y));
                                   },
                               .progress = false});
  EXPECT_EQ(history.curve("accuracy").step, (std::vector<double>{1, 2, 3}));
}

TEST(Fit, LeavesATapeOfTheCallerAlone) {
  const Slope model;
  optim::Sgd sgd(model.parameters());
  Tape tape;
  fit(model, sgd, nn::mean_squared_error, line(1, 4), line(1, 4), quiet);
  EXPECT_EQ(tape.node_count(), 0u);
}

TEST(Fit, RefusesWhatMakesNoSense) {
  const Slope model;
  optim::Sgd sgd(model.parameters());
  const auto attempt = [&](const FitOptions& options) {
    return [&] { fit(model, sgd, nn::mean_squared_error, line(1, 4), options); };
  };
  expect_error("Progress", attempt({.epochs = 0, .progress = false}), {"at least one step"});
  expect_error("Batches", attempt({.batch_size = 0, .progress = false}), {"batch_size"});
  expect_error("EarlyStopping", attempt({.patience = -1, .progress = false}), {"patience"});
  expect_error("Batches", [&] { fit(model, sgd, nn::mean_squared_error, line(1, 0), quiet); }, {"count"});
  expect_error("Batches", [&] { training::mean_loss(model, nn::mean_squared_error, line(1, 0)); }, {"count"});
}

}  // namespace
}  // namespace taper::test
