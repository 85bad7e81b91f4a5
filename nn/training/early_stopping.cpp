// EarlyStopping: the best value and its weights.
#include "early_stopping.hpp"

#include "../../core/fail.hpp"

#include <cmath>

namespace taper::training {

EarlyStopping::EarlyStopping(const nn::Module& model, const EarlyStoppingOptions& options)
    : model_(model), options_(options) {
  if (options.patience < 1) fail("EarlyStopping", "patience must be at least 1, got ", options.patience);
  if (!(options.min_delta >= 0 && std::isfinite(options.min_delta)))
    fail("EarlyStopping", "min_delta must be finite and at least 0, got ", options.min_delta);
}

bool EarlyStopping::should_stop(double value) {
  if (value < best_ - options_.min_delta) {
    best_ = value;
    waited_ = 0;
    weights_ = model_.state_dict();
    return false;
  }
  return ++waited_ >= options_.patience;
}

void EarlyStopping::restore() const {
  if (!std::isinf(best_)) model_.load_state_dict(weights_);
}

}  // namespace taper::training
