// The other ways to round. Inside the gradient checker.
#pragma once

#include <cfenv>

namespace taper::gradcheck_detail {

constexpr double more_than_samples = 4;  // so many times what the three ways show may be owed to rounding

// Calls `work` three times, with this thread's floating point rounding up, down and towards zero. What
// differs between the calls is owed to rounding (Kahan, How Futile are Mindless Assessments of Roundoff in
// Floating-Point Computation, 2006).
template <class Work>
void for_each_rounding(Work work) {
  struct Restore {
    int usual = std::fegetround();
    ~Restore() { std::fesetround(usual); }
  } const restore;
  for (const int mode : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
    std::fesetround(mode);
    work();
  }
}

}  // namespace taper::gradcheck_detail
