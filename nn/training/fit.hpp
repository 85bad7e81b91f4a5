// fit: the usual training loop in one call.
#pragma once

#include "../../core/tape.hpp"
#include "../batches.hpp"
#include "../dataset.hpp"
#include "../optim/optimizer.hpp"
#include "early_stopping.hpp"
#include "format.hpp"
#include "history.hpp"
#include "progress.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>

namespace taper::training {

struct FitOptions {
  std::int64_t epochs = 10;
  std::int64_t batch_size = 32;
  std::uint64_t seed = 0;  // of the order of the examples (nn::Batches)
  // If set, the rate of each step, counted from 0 over all epochs: an optim::Schedule, for instance.
  std::function<double(std::int64_t step)> learning_rate = {};
  // If it is not 0, the run stops after so many epochs in a row without progress (EarlyStopping) and ends with
  // the weights of the best one. What counts is the loss on the validation data or, without any, the loss.
  std::int64_t patience = 0;
  double min_delta = 0;
  // If set, called after each epoch, counted from 1, with the model in evaluation mode: to log, or to add
  // curves to the history, such as an accuracy.
  std::function<void(std::int64_t epoch, History& history)> after_epoch = {};
  bool progress = true;      // a bar on standard error
  std::string name = "fit";  // of the history
};

// loss(prediction, target). If the function wants options as well, they are the usual ones.
template <class Loss, class Y>
Tensor apply_loss(const Loss& loss, const Tensor& prediction, const Y& target) {
  if constexpr (std::is_invocable_v<const Loss&, const Tensor&, const Y&>) {
    return loss(prediction, target);
  } else {
    return loss(prediction, target, {});
  }
}

// The mean over all examples of what a loss says, batch by batch: it is multiplied by the examples of each.
// Nothing is recorded. The mode is the model's. Throws what model and loss throw, and unless the number of
// examples and batch_size are at least 1.
template <class Model, class Loss, class X, class Y>
double mean_loss(const Model& model, const Loss& loss, const nn::Dataset<X, Y>& data,
                 std::int64_t batch_size = 32) {
  const Tape::Recording nothing(nullptr);
  nn::Batches batches(data.size(), batch_size, /*seed=*/0);
  double total = 0;
  for (std::int64_t step = 0; step < batches.steps_per_epoch(); ++step) {
    const nn::Dataset<X, Y> batch = data.select(batches(step));
    total += apply_loss(loss, model(batch.x), batch.y).item() * static_cast<double>(batch.size());
  }
  return total / static_cast<double>(data.size());
}

// clang-format off
// Trains a model on batches of the examples, in `epochs` passes over all of them:
//
//   optim::Adam adam(model.parameters());
//   const auto history = training::fit(model, adam, nn::cross_entropy, training, test, {.epochs = 20, .patience = 3});
//   std::cout << history.curve("validation loss").value.back() << '\n';
//
// The model is a Module that maps an x to a Tensor, and loss(prediction, y) a function to one element: one of
// nn, or a lambda. The history has, by epoch, the curve "loss", the mean over the examples while the weights
// moved on, and, unless there are no examples for validation, "validation loss", their mean_loss afterwards, in
// evaluation mode. The model is left in evaluation mode.
//
// The same seed gives the same bits. For anything else write the loop yourself: the one below is a start. Throws
// what model, loss and optimizer throw, unless epochs, batch_size and the number of examples are at least 1, and
// for a patience or min_delta that EarlyStopping refuses.
// clang-format on
template <class Model, class Loss, class X, class Y>
History fit(const Model& model, optim::Optimizer& optimizer, const Loss& loss,
            const nn::Dataset<X, Y>& training, const nn::Dataset<X, Y>& validation,
            const FitOptions& options = {}) {
  nn::Batches batches(training.size(), options.batch_size, options.seed);
  const std::int64_t steps_per_epoch = batches.steps_per_epoch();
  Progress progress(options.epochs * steps_per_epoch, {.unit = "examples", .visible = options.progress});
  std::optional<EarlyStopping> stopping;
  if (options.patience != 0)
    stopping.emplace(model, EarlyStoppingOptions{options.patience, options.min_delta});
  History history(options.name);

  for (std::int64_t epoch = 1; epoch <= options.epochs; ++epoch) {
    model.train();
    double total = 0;
    for (std::int64_t step = (epoch - 1) * steps_per_epoch; step < epoch * steps_per_epoch; ++step) {
      const nn::Dataset<X, Y> batch = training.select(batches(step));
      Tape tape;
      const Tensor mean = apply_loss(loss, model(batch.x), batch.y);
      optimizer.zero_grad();
      tape.backward(mean);
      if (options.learning_rate) optimizer.set_learning_rate(options.learning_rate(step));
      optimizer.step();
      total += mean.item() * static_cast<double>(batch.size());
      progress.show(step + 1, "epoch " + std::to_string(epoch) + ", loss " + number(mean.item()),
                    batch.size());
    }
    history.add("loss", epoch, total / static_cast<double>(training.size()));

    model.eval();
    if (validation.size() > 0) {
      history.add("validation loss", epoch, mean_loss(model, loss, validation, options.batch_size));
    }
    if (options.after_epoch) options.after_epoch(epoch, history);
    const char* watched = validation.size() > 0 ? "validation loss" : "loss";
    if (stopping && stopping->should_stop(history.curve(watched).value.back())) break;
  }
  if (stopping) stopping->restore();
  return history;
}

// Without validation.
template <class Model, class Loss, class X, class Y>
History fit(const Model& model, optim::Optimizer& optimizer, const Loss& loss,
            const nn::Dataset<X, Y>& training, const FitOptions& options = {}) {
  return fit(model, optimizer, loss, training, training.select({}), options);
}

}  // namespace taper::training
