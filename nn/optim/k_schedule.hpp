// KSchedule: how many keys each query may look at, as a function of the step.
#pragma once

#include <cstdint>
#include <string>

namespace taper::nn {

// Attention that starts dense and grows sparse while the model trains. With the step s counted from 0,
//
//   k(s) = dense                                            for s < start
//   k(s) = round(dense (k / dense)^((s - start) / (end - start)))   for start <= s < end
//   k(s) = k                                                for s >= end
//
// Each step of the middle part divides the number of keys by the same factor, up to rounding. k(s)
// never grows, and stays between k and dense. It has no state: a run that is taken up again at step s
// goes on with k(s).
//
//   attention.set_k(schedule(step));
//
// Gradual sparsification during training comes from Zhu and Gupta, arXiv 1710.01878, who sparsify weights, by
// a cubic law. The geometric law is ours: what a halving takes away does not depend on where it happens.
class KSchedule {
 public:
  // Throws unless 1 <= k <= dense <= 2^53 and 0 <= start <= end.
  KSchedule(std::int64_t dense, std::int64_t k, std::int64_t start, std::int64_t end);

  // Throws if step is negative.
  std::int64_t operator()(std::int64_t step) const;

  // The call that makes this schedule: "k_schedule(256, 8, 100, 1000)". parse() reads it back, and throws for
  // a text that is no such call, saying what is wrong with it.
  std::string text() const;
  static KSchedule parse(const std::string& text);

  friend bool operator==(const KSchedule&, const KSchedule&) = default;

 private:
  std::int64_t dense_, k_, start_, end_;
};

}  // namespace taper::nn
