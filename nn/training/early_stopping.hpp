// EarlyStopping: ends a training run that makes no progress, and keeps the best weights.
#pragma once

#include "../module.hpp"

#include <cstdint>
#include <limits>
#include <map>
#include <string>

namespace taper::training {

struct EarlyStoppingOptions {
  std::int64_t patience = 10;  // after how many values in a row without progress the run should stop
  double min_delta = 0;        // progress is a value below the best one - min_delta
};

// Watches a value that should fall, such as the loss on held-out data after each epoch:
//
//   training::EarlyStopping stopping(model, {.patience = 5});
//   for (…) {
//     … an epoch …
//     if (stopping.should_stop(loss_on_held_out_data)) break;
//   }
//   stopping.restore();
//
// If the value should grow, hand over its negative. NaN is never progress. `patience` counts as in Keras and
// PyTorch Lightning: with 1, the first value without progress is the last. (optim::reduce_on_plateau counts as
// PyTorch: its patience is the number of values that are let pass.)
class EarlyStopping {
 public:
  // The model is referred to, not copied, and must outlive this. Throws unless patience >= 1 and min_delta is
  // finite and at least 0.
  explicit EarlyStopping(const nn::Module& model, const EarlyStoppingOptions& options = {});

  // To be called with each value. If it is progress, keeps a copy of all parameters and buffers. Is it time to
  // stop?
  [[nodiscard]] bool should_stop(double value);
  // Puts the copy of the best weights back into the model, in place. If no value was progress, as when all are
  // NaN, the model stays as it is. Throws as Module::load_state_dict does.
  void restore() const;

  // The best value so far; infinity before the first.
  double best() const { return best_; }

 private:
  const nn::Module& model_;
  EarlyStoppingOptions options_;
  double best_ = std::numeric_limits<double>::infinity();
  std::int64_t waited_ = 0;  // values since the best one
  std::map<std::string, Tensor> weights_;
};

}  // namespace taper::training
