// Schedule: the learning rate as a function of the step.
#pragma once

#include <cstdint>
#include <string>

namespace taper::optim {

// Takes a step, counted from 0, and gives the learning rate of that step:
//
//   const auto schedule = Schedule::cosine(1e-3, 1000).warm_up(100);
//   for (std::int64_t step = 0; step < 1000; ++step) {
//     adam.set_learning_rate(schedule(step));
//     …
//   }
//
// It has no state: a run that is resumed at step s continues with schedule(s).
class Schedule {
 public:
  // rate(s) = rate. All of these throw unless rates are finite and at least 0.
  static Schedule constant(double rate);
  // rate(s) = last + (rate - last) (1 + cos(pi s / steps)) / 2, and last from s = steps on. Throws unless
  // steps >= 1. Source: Loshchilov and Hutter, arXiv 1608.03983, equation 5, without restarts.
  static Schedule cosine(double rate, std::int64_t steps, double last = 0);
  // rate(s) = rate factor^floor(s / every). Throws unless every >= 1 and 0 < factor <= 1.
  static Schedule step(double rate, std::int64_t every, double factor);
  // rate(s) = rate factor^s. Throws unless 0 < factor <= 1.
  static Schedule exponential(double rate, double factor);

  // This schedule multiplied by min(1, (s + 1) / steps): a straight line from rate / steps at s = 0 to the
  // full rate at s = steps - 1. The schedule itself is not shifted: cosine(r, 1000).warm_up(100) still ends
  // at 1000. With 0 steps there is no warm-up. A second warm_up replaces the first. Throws if steps is
  // negative. Source: Goyal et al., arXiv 1706.02677, section 2.2.
  Schedule warm_up(std::int64_t steps) const;

  // The learning rate of this step. Throws if step is negative.
  double operator()(std::int64_t step) const;

  // The call that makes this schedule: "cosine(0.001, 1000, 0).warm_up(100)". parse() reads it back exactly;
  // for a text that is no such call it throws and says what is wrong.
  std::string text() const;
  static Schedule parse(const std::string& text);

  friend bool operator==(const Schedule&, const Schedule&) = default;

 private:
  enum class Kind { constant, cosine, step, exponential };
  Schedule(Kind kind, double rate, std::int64_t steps, double extra)
      : kind_(kind), rate_(rate), steps_(steps), extra_(extra) {}

  Kind kind_;
  double rate_;
  std::int64_t steps_;  // cosine: until the end; step, exponential: from one drop to the next
  double extra_;        // cosine: last; step, exponential: factor
  std::int64_t warm_up_ = 0;
};

}  // namespace taper::optim
