// PruningSchedule: how the threshold of magnitude pruning grows, as a function of the step.
#pragma once

#include <cstdint>

namespace taper::nn {

// The threshold below which weights are pruned, in units of q, the magnitude at which pruning is to end
// (Pruning has a q for each parameter). It grows along two lines, the second of which is steeper. With
//
//   theta = 2 every / (2 (ramp - start) + 3 (end - ramp)),   phi = 1.5 theta
//
// the threshold of step s, counted from 0, is
//
//   theta (s - start + 1) / every                                    for start < s < ramp
//   (theta (ramp - start + 1) + phi (s - ramp + 1)) / every          for ramp <= s < end, s > start
//
// if s is a multiple of `every`, and 0 in all other steps, which prune nothing. At s = end the lines would
// reach 1, but for the two ones that the paper adds.
//
//   pruning.step(schedule(step));
//
// It has no state: a run that is taken up again at step s goes on with schedule(s).
//
// Source: Narang, Elsen, Diamos and Sengupta, arXiv 1704.05119, algorithm 1 and equation 1, with start_itr,
// ramp_itr, end_itr and freq as start, ramp, end and every. The paper lets phi lie between 1.5 and 2 theta;
// its equation for theta holds for 1.5. It starts at the second epoch, ramps after a quarter of all epochs and
// ends after half of them, and prunes every 100 steps.
class PruningSchedule {
 public:
  // Throws unless 0 <= start <= ramp <= end, start < end and every >= 1.
  PruningSchedule(std::int64_t start, std::int64_t ramp, std::int64_t end, std::int64_t every = 100);

  // Throws if step is negative.
  double operator()(std::int64_t step) const;

 private:
  std::int64_t start_, ramp_, end_, every_;
};

}  // namespace taper::nn
