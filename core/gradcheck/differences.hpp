// Numerical derivatives of a function along a line, each with an estimate of its own error. Inside the
// gradient checker.
//
// y(t) = f(x + t e) is a vector; what is differentiated is v . y(t) for a few cotangents v at once, which
// cost no further evaluation. Steps start large and shrink; extrapolation to step 0 (Richardson) removes the
// truncation error, and what neighbours in the tableau disagree by estimates what is left (Ridders, Adv. Eng.
// Software 4, 1982). Noise bounds the estimate from below: the rounding of y, and the height of its stairs if
// y changes in stairs.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

namespace taper::gradcheck_detail {

inline constexpr double infinity = std::numeric_limits<double>::infinity();
inline constexpr double epsilon = std::numeric_limits<double>::epsilon();

using Values = std::vector<double>;

// y(t), and through `t` the step that was really taken: x + t is rounded.
using Evaluate = std::function<const Values&(double& t)>;

// What the differences say about v . y'(0).
struct Derivative {
  // A value with its estimated error, and the step that gave it; found is false if no two steps
  // could be compared.
  struct Value {
    double value = 0, estimate = 0, step = 0;
    bool found = false;
  };
  enum class Kind { smooth, kink, jump };

  Kind kind = Kind::smooth;
  Value central;  // from one side alone if y is not finite on the other
  // At a kink: v . y'(0) lies between these for each choice of a one-sided derivative in each result.
  double lower = 0, upper = 0, bounds_estimate = 0, bounds_step = 0;
  // At a jump: the derivative on the side on which y is continuous, if there is one.
  Value one_sided;
};

// A function along a line.
class Line {
 public:
  // `scale` is the size of the largest step worth trying, `finest` of the smallest. `at_zero` is y(0);
  // results that are not finite there are left out. `cotangents` have y's size. y may be made of terms as
  // large as `inner`, which cancel.
  Line(Evaluate evaluate, const Values& at_zero, const std::vector<Values>& cotangents, double scale,
       double finest, double inner);

  // For each cotangent, from `levels` steps: scale * 2^first and on by factors of 1/4. Nothing is found if a
  // kink or a jump may lie among them.
  std::vector<Derivative> quick(int first, int levels);
  // From all steps: forty evaluations, and a search for kinks, jumps and stairs.
  std::vector<Derivative> thorough();
  // The same again for cotangent c, if v . y is known to be off by as much as `noise`.
  Derivative thorough(std::size_t c, double noise);
  // After thorough(): the best value from the steps below `step` alone.
  Derivative::Value finer(std::size_t c, double step) const;
  // By how much v . (y(t) - y(0)) changes if all of y is rounded another way, for some t about as
  // large as step.
  double noise_of_rounding(std::size_t c, double step);
  // How much the derivative of cotangent c varies when it is taken again with steps near `step`: what the
  // estimate of a single tableau may have missed by luck.
  double spread(std::size_t c, double step);

  // By how much a result of size y may be rounded.
  static double last_places(double y);
  // The sum of |v_j y_j(0)| for cotangent c.
  double size(std::size_t c) const { return size_[c]; }
  double scale() const { return scale_; }

  // v . y'(0) by a single difference, at whatever point now stands in x's place; its estimate covers
  // rounding alone.
  Derivative::Value slope(std::size_t c, double step);

  // Cotangent c with zeros for the results that did not change at `step`; and a bound on how much those
  // results may add to the derivative along the line: each may have moved by less than it is `rounded`.
  Values seen(std::size_t c, double step) const;
  double unseen(std::size_t c, double step, const Values& rounded) const;
  // Did any result change at any step?
  bool depends() const {
    return std::any_of(changed_at_.begin(), changed_at_.end(),
                       [](double step) { return std::isfinite(step); });
  }

 private:
  // y at +h and -h, as one-sided differences with each cotangent.
  struct Level {
    double h = 0;
    bool right_finite = false, left_finite = false;
    bool right_changed = false, left_changed = false;  // does y differ from y(0) at all?
    struct Projection {
      double right = 0, left = 0, central = 0;  // difference quotients
      double lower = 0, upper = 0;              // of right and left, result by result
      double rounded = 0;                       // by how much rounding may move v . y
      double rounded_here = 0;                  // the part of the results that change at this step
    };
    std::vector<Projection> of;  // cotangent
  };
  enum class Side { central, right, left };
  static constexpr double ratio = 4;  // of one step to the next

  Level level(double h);
  void look_closely();
  // The best value of the tableau, from the levels at which y is finite on that side.
  Derivative::Value extrapolate(const std::vector<Level>& levels, std::size_t c, Side side) const;
  // The first level that says something about x.
  std::size_t first_near_x(std::size_t c) const;
  Derivative judge(std::size_t c);
  void measure_noise(const std::vector<Level>& levels, std::size_t c, double value);
  void judge_kink(const std::vector<const Level*>& telling, bool jumps, std::size_t c, Derivative& result);
  bool is_passed(const Level& last, std::size_t c) const;
  bool is_noise(const std::vector<const Level*>& telling, std::size_t c);
  void find_bounds(const std::vector<const Level*>& telling, std::size_t c, Derivative& result) const;
  // By how much noise may move the gap between the one-sided quotients.
  double gap_noise(const Level& level, std::size_t c) const;
  void look_for_stairs();
  Values at(double t);
  bool differs(const Values& a, const Values& b) const;

  Evaluate evaluate_;
  const Values& at_zero_;
  const std::vector<Values>& cotangents_;
  double scale_, finest_;
  double inner_;                // the largest term in y that is known of
  std::vector<Level> levels_;   // of the thorough look
  std::vector<double> noise_;   // of v . y beyond rounding, for each cotangent
  std::vector<double> size_;    // of the terms of v . y(0)
  Values changed_at_;           // the smallest step at which each result changed
  std::vector<double> stairs_;  // their height in v . y, for each cotangent; empty if there are none
};

}  // namespace taper::gradcheck_detail
