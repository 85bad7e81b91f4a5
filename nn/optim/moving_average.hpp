// MovingAverage: a model's weights, averaged over its steps.
#pragma once

#include "../../core/io/state.hpp"
#include "../module.hpp"

#include <cstdint>

namespace taper::nn {

// Weights jump about while they learn; their average lies nearer to the middle and often predicts better.
//
//   nn::MovingAverage average(model, 0.99);
//   for (…) {
//     …
//     adam.step();
//     average.update();
//   }
//   const auto trained = model.state_dict();
//   model.load_state_dict(average.state().tensors);  // to predict with; load `trained` to go on
//
// With w the weights after a step and a their average,
//   a <- w in the first update,   a <- a + (1 - decay) (w - a) in every later one.
// The last 1 / (1 - decay) steps or so count. Buffers are not averaged but taken over as they are.
// Source: Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging" (SIAM Journal on
// Control and Optimization 30, 1992), in the exponential form of torch.optim.swa_utils.get_ema_multi_avg_fn.
class MovingAverage {
 public:
  // Begins with copies of what the model holds now. The model is referred to, not copied, and must outlive
  // the average. Throws unless 0 <= decay < 1.
  explicit MovingAverage(const Module& model, double decay = 0.999);

  // After each step. A model that was moved to another device or dtype takes its average along.
  void update();

  // Copies of the averages, by the names of the model's state_dict(), with the texts "decay" and "updates".
  State state() const;
  // Continues from where state() was called. Throws if the tensors don't fit the model, and if the decay is
  // another; then nothing has changed.
  void load_state(const State& state);

 private:
  const Module& model_;
  double decay_;
  std::int64_t updates_ = 0;
  std::map<std::string, Tensor> tensors_;
};

}  // namespace taper::nn
