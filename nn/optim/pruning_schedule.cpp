// PruningSchedule: the formula.
#include "pruning_schedule.hpp"

#include "../../core/fail.hpp"

namespace taper::nn {

PruningSchedule::PruningSchedule(std::int64_t start, std::int64_t ramp, std::int64_t end, std::int64_t every)
    : start_(start), ramp_(ramp), end_(end), every_(every) {
  if (start < 0 || start > ramp || ramp > end || start == end) {
    fail("PruningSchedule", "wanted 0 <= start <= ramp <= end and start < end, got start ", start, ", ramp ",
         ramp, ", end ", end);
  }
  if (every < 1) fail("PruningSchedule", "every must be at least 1, got ", every);
}

double PruningSchedule::operator()(std::int64_t step) const {
  if (step < 0) fail("PruningSchedule", "step must be at least 0, got ", step);
  if (step <= start_ || step >= end_ || step % every_ != 0) return 0;
  const auto to_double = [](std::int64_t count) { return static_cast<double>(count); };
  const double every = to_double(every_);
  const double theta = 2 * every / (2 * to_double(ramp_ - start_) + 3 * to_double(end_ - ramp_));
  const double phi = 1.5 * theta;
  if (step < ramp_) return theta * to_double(step - start_ + 1) / every;
  return (theta * to_double(ramp_ - start_ + 1) + phi * to_double(step - ramp_ + 1)) / every;
}

}  // namespace taper::nn
