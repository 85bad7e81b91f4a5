// reduce_on_plateau: a learning rate that falls when a measured value no longer does.
#pragma once

#include <cstdint>
#include <span>

namespace taper::optim {

struct PlateauOptions {
  double factor = 0.1;         // by which the rate falls
  std::int64_t patience = 10;  // values without progress that are let pass
  double threshold = 1e-4;     // the least progress, relative to the best value
  double last = 0;             // the rate falls no lower than this
};

// The learning rate after these measured values, one of each epoch, such as the loss on held-out data: `rate`,
// multiplied by `factor` whenever more than `patience` values in a row were not better than the best before
// them, that is, not below best - threshold |best|. The count then starts again. NaN is never better. If the
// value should grow, hand over its negatives.
//
//   std::vector<double> values;
//   for (…) {
//     adam.set_learning_rate(reduce_on_plateau(1e-3, values));
//     … an epoch …
//     values.push_back(loss_on_held_out_data);
//   }
//
// It has no state: a run that is resumed with its values goes on with their rate. Throws unless rate and last
// are finite and at least 0, 0 < factor <= 1, patience >= 0 and 0 <= threshold < 1. As
// torch.optim.lr_scheduler.ReduceLROnPlateau, without a cooldown; the same for positive values.
double reduce_on_plateau(double rate, std::span<const double> values, const PlateauOptions& options = {});

}  // namespace taper::optim
