// Numerical derivatives along a line: levels, tableau, kinks, stairs.
#include <taper/core/gradcheck/differences.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace taper::gradcheck_detail {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double epsilon = std::numeric_limits<double>::epsilon();
constexpr double ratio = 4;      // of one step to the next
constexpr int most_columns = 4;  // of the tableau
constexpr double rounding = 2;   // how many last places a result of f may be off

// A first-order tableau gains a factor `ratio` in each column, a central one ratio^2.
double gain(bool central, int column) { return std::pow(ratio, central ? 2 * column : column); }

}  // namespace

Line::Line(Evaluate evaluate, const Values& at_zero, const std::vector<Values>& cotangents, double scale,
           double finest, double inner)
    : evaluate_(std::move(evaluate)),
      at_zero_(at_zero),
      cotangents_(cotangents),
      scale_(scale),
      finest_(finest),
      inner_(inner),
      noise_(cotangents.size()),
      changed_at_(at_zero.size(), infinity),
      quantum_(at_zero.size(), infinity),
      least_step_(infinity) {
  for (double y : at_zero) inner_ = std::isfinite(y) ? std::max(inner_, std::abs(y)) : inner_;
  for (const Values& v : cotangents) {
    double size = 0;
    for (std::size_t j = 0; j < v.size(); ++j)
      size += std::isfinite(at_zero[j]) ? std::abs(v[j] * at_zero[j]) : 0;
    size_.push_back(size);
  }
}

Line::Level Line::level(double h) {
  Level result;
  result.h = h;
  result.of.resize(cotangents_.size());
  double width_right = h, width_left = -h;
  const Values right = evaluate_(width_right);  // a copy: the next call overwrites it
  const Values& left = evaluate_(width_left);
  width_left = -width_left;
  evaluations_ += 2;
  result.right_finite = width_right > 0;
  result.left_finite = width_left > 0;
  for (std::size_t j = 0; j < at_zero_.size(); ++j) {
    if (!std::isfinite(at_zero_[j])) continue;
    result.right_finite &= std::isfinite(right[j]);
    result.left_finite &= std::isfinite(left[j]);
    result.right_changed |= right[j] != at_zero_[j];
    result.left_changed |= left[j] != at_zero_[j];
    const double to_right = std::abs(right[j] - at_zero_[j]), to_left = std::abs(left[j] - at_zero_[j]);
    if (to_right != 0 || to_left != 0) changed_at_[j] = std::min(changed_at_[j], h);
    if (to_right != 0 && to_left != 0) quantum_[j] = std::min({quantum_[j], to_right, to_left});
  }
  least_step_ = std::min(least_step_, h);
  if (!result.right_finite && !result.left_finite) return result;

  for (std::size_t c = 0; c < cotangents_.size(); ++c) {
    const Values& v = cotangents_[c];
    long double to_right = 0, to_left = 0, across = 0, lower = 0, upper = 0;
    double rounded = 0;
    for (std::size_t j = 0; j < v.size(); ++j) {
      if (!std::isfinite(at_zero_[j])) continue;
      const double r = result.right_finite ? right[j] : at_zero_[j];
      const double l = result.left_finite ? left[j] : at_zero_[j];
      if (std::isinf(changed_at_[j])) continue;  // most results of most ops: no rounding either
      const long double step_right =
          static_cast<long double>(v[j]) * (static_cast<long double>(r) - at_zero_[j]);
      const long double step_left =
          static_cast<long double>(v[j]) * (static_cast<long double>(at_zero_[j]) - l);
      to_right += step_right;
      to_left += step_left;
      across += static_cast<long double>(v[j]) * (static_cast<long double>(r) - l);
      const long double a = step_right / width_right, b = step_left / width_left;
      lower += std::min(a, b);
      upper += std::max(a, b);
      const double last_place = rounding * epsilon * std::abs(v[j]);
      const double size = std::max({std::abs(r), std::abs(l), std::abs(at_zero_[j])});
      rounded += last_place * size;
    }
    Level::Projection& p = result.of[c];
    p.right = static_cast<double>(to_right / width_right);
    p.left = static_cast<double>(to_left / width_left);
    p.central = static_cast<double>(across / (static_cast<long double>(width_right) + width_left));
    p.lower = static_cast<double>(lower);
    p.upper = static_cast<double>(upper);
    p.rounded = rounded;
  }
  return result;
}

Derivative::Value Line::extrapolate(const std::vector<Level>& levels, std::size_t c, Side side) const {
  Derivative::Value best;
  std::vector<double> row;  // of the level before
  // Quotients that move ever more as the step shrinks say nothing yet: all that y does lies within the steps.
  double last_move = infinity;
  bool settles = false;
  for (const Level& level : levels) {
    const bool finite =
        (side == Side::left || level.right_finite) && (side == Side::right || level.left_finite);
    const bool informs = !stairs_ || level.right_changed || level.left_changed;
    if (!finite || !informs) {
      row.clear();
      continue;
    }
    const Level::Projection& p = level.of[c];
    const bool central = side == Side::central;
    const double first = central ? p.central : side == Side::right ? p.right : p.left;
    const double floor = (p.rounded + noise_[c]) / (central ? 2 * level.h : level.h);
    if (!row.empty() && !settles) {
      const double move = std::abs(first - row.front());
      if (move > last_move + 4 * floor) best = {};
      settles = move < last_move / 2 && std::isfinite(last_move);
      last_move = move;
    }
    std::vector<double> next{first};
    Derivative::Value here{first, infinity, level.h, true};
    for (std::size_t m = 1; m <= row.size() && m < most_columns; ++m) {
      const double value =
          next[m - 1] + (next[m - 1] - row[m - 1]) / (gain(central, static_cast<int>(m)) - 1);
      const double estimate =
          std::max(std::abs(value - next[m - 1]), std::abs(value - row[m - 1])) + 2 * floor;
      if (estimate < here.estimate) here = {value, estimate, level.h, true};
      next.push_back(value);
    }
    row = std::move(next);
    if (!std::isfinite(here.estimate)) continue;
    // Smaller steps are nearer to the truth, up to their noise, which the estimate knows.
    const bool contradicts = std::abs(here.value - best.value) > 2 * (here.estimate + best.estimate);
    if (!best.found || contradicts || here.estimate < best.estimate) best = here;
  }
  return best;
}

std::vector<Derivative> Line::quick(int first, int levels) {
  std::vector<Level> sampled;
  for (int k = 0; k < levels; ++k) sampled.push_back(level(std::ldexp(scale_, first - 2 * k)));
  std::vector<Derivative> result(cotangents_.size());
  for (std::size_t c = 0; c < result.size(); ++c) {
    // Of a smooth function the one-sided quotients approach each other like the step.
    const Level::Projection &coarse = sampled.front().of[c], &fine = sampled.back().of[c];
    const double gap = fine.upper - fine.lower,
                 expected = (coarse.upper - coarse.lower) / std::pow(ratio, levels - 1);
    const bool finite = sampled.front().right_finite && sampled.front().left_finite;
    if (finite && gap <= 2 * expected + gap_noise(sampled.back(), c))
      result[c].central = extrapolate(sampled, c, Side::central);
  }
  return result;
}

std::vector<Derivative> Line::thorough() {
  std::vector<Level> levels;
  for (double h = scale_ / 2; h >= finest_; h /= ratio) levels.push_back(level(h));
  look_for_stairs(levels);
  add_quanta();
  std::vector<Derivative> result;
  for (std::size_t c = 0; c < cotangents_.size(); ++c) result.push_back(judge(levels, c));
  return result;
}

double Line::gap_noise(const Level& level, std::size_t c) const {
  return 2 * (level.of[c].rounded + noise_[c]) / level.h;
}

// Rounding inside f shows at the finest steps, as quotients that scatter around the value that larger steps
// gave.
void Line::measure_noise(const std::vector<Level>& levels, std::size_t c, double value) {
  const std::size_t finest = levels.size() - levels.size() / 3;
  double scatter = 0;
  for (std::size_t k = finest; k < levels.size(); ++k) {
    const Level& level = levels[k];
    if (level.right_finite && level.left_finite)
      scatter = std::max(scatter, std::abs(level.of[c].central - value) * 2 * level.h);
  }
  noise_[c] = std::max(noise_[c], 1.5 * scatter);
}

Derivative Line::judge(const std::vector<Level>& levels, std::size_t c) {
  Derivative result;
  // The gap between the one-sided quotients at the finest steps at which it rises above the noise: it falls
  // like the step if y is smooth, stays at a kink, and grows like the step's inverse at a jump.
  std::vector<const Level*> telling;
  bool right = false, left = false;
  for (const Level& level : levels) {
    right |= level.right_finite;
    left |= level.left_finite;
    if (!level.right_finite || !level.left_finite) continue;
    if (level.of[c].upper - level.of[c].lower > 8 * gap_noise(level, c)) telling.push_back(&level);
  }
  constexpr double near = 1e-6;  // of the scale: a kink farther away than this is passed by smaller steps
  if (telling.size() >= 5 && telling.back()->h <= near * scale_ && !is_passed(*telling.back(), levels, c)) {
    double least = infinity, most = 0;
    for (std::size_t k = telling.size() - 3; k < telling.size(); ++k) {
      const Level::Projection &before = telling[k - 1]->of[c], &p = telling[k]->of[c];
      const double growth = (p.upper - p.lower) / (before.upper - before.lower);
      least = std::min(least, growth);
      most = std::max(most, growth);
    }
    const bool jumps = least > 0.9 * ratio && most<1.1 * ratio, bends = least> 0.5 && most < 2;
    // A jump is as high at all steps, a kink's gap highest at the largest.
    if ((jumps && is_noise({telling.end() - 4, telling.end()}, levels, c)) ||
        (bends && is_noise(telling, levels, c))) {
      result.kind = Derivative::Kind::smooth;
    } else if (jumps) {
      result.kind = Derivative::Kind::jump;
      const Derivative::Value sides[] = {extrapolate(levels, c, Side::right),
                                         extrapolate(levels, c, Side::left)};
      const auto converges = [&](const Derivative::Value& side) {
        return side.found && side.estimate <= 1e-4 * std::max(std::abs(side.value), size_[c] / scale_);
      };
      if (converges(sides[0]) != converges(sides[1]))
        result.one_sided = converges(sides[0]) ? sides[0] : sides[1];
    } else if (bends) {
      result.kind = Derivative::Kind::kink;
      find_bounds(telling, c, result);
    }
  }
  if (!right && !left) return result;
  const Side side = right && left ? Side::central : right ? Side::right : Side::left;
  result.central = extrapolate(levels, c, side);
  if (result.kind == Derivative::Kind::smooth && result.central.found && side == Side::central) {
    measure_noise(levels, c, result.central.value);
    result.central = extrapolate(levels, c, side);
  }
  return result;
}

// Is the gap gone at the next step, although noise would not hide it there? Then x itself lies between kinks.
bool Line::is_passed(const Level& last, const std::vector<Level>& levels, std::size_t c) const {
  const auto next = levels.begin() + (&last - levels.data()) + 1;
  return next != levels.end() && next->right_finite && next->left_finite &&
         8 * gap_noise(*next, c) < (last.of[c].upper - last.of[c].lower) / 2;
}

// Is the gap so low a stair that it changes nothing about the derivative that larger steps give, or about as
// low as rounding? Then it is noise of that height.
bool Line::is_noise(const std::vector<const Level*>& telling, const std::vector<Level>& levels,
                    std::size_t c) {
  constexpr double negligible = 1e-8, roundings = 64;
  double height = 0, weight = 0;
  for (const Level* level : telling)
    height = std::max(height, (level->of[c].upper - level->of[c].lower) * level->h);
  for (double v : cotangents_[c]) weight = std::max(weight, std::abs(v));
  const double before = noise_[c];
  noise_[c] = std::max(before, 2 * height);
  const Derivative::Value value = extrapolate(levels, c, Side::central);
  const bool is = height <= roundings * epsilon * inner_ * weight ||
                  (value.found && value.estimate <= negligible * std::abs(value.value));
  if (!is) noise_[c] = before;
  return is;
}

// The bounds at the step at which they move least, extrapolated to step 0.
void Line::find_bounds(const std::vector<const Level*>& telling, std::size_t c, Derivative& result) const {
  result.bounds_estimate = infinity;
  for (std::size_t k = 1; k < telling.size(); ++k) {
    const Level::Projection &before = telling[k - 1]->of[c], &p = telling[k]->of[c];
    const double lower = p.lower + (p.lower - before.lower) / (ratio - 1);
    const double upper = p.upper + (p.upper - before.upper) / (ratio - 1);
    const double estimate =
        std::max(std::abs(lower - p.lower), std::abs(upper - p.upper)) + 2 * gap_noise(*telling[k], c);
    if (estimate > result.bounds_estimate) continue;
    result.lower = lower;
    result.upper = upper;
    result.bounds_estimate = estimate;
    result.bounds_step = telling[k]->h;
  }
}

// y that does not change at all at one step, but does at a larger one, may be flat up to a kink (relu) or a
// jump, or a staircase (something is rounded inside f). Bisection finds the place. A staircase jumps there,
// is flat again, and jumps again.
void Line::look_for_stairs(const std::vector<Level>& levels) {
  for (std::size_t k = 1; k < levels.size(); ++k) {
    const Level &outer = levels[k - 1], &inner = levels[k];
    const bool on_right =
        outer.right_finite && outer.right_changed && inner.right_finite && !inner.right_changed;
    const bool on_left = outer.left_finite && outer.left_changed && inner.left_finite && !inner.left_changed;
    if (!on_right && !on_left) continue;
    const double sign = on_right ? 1 : -1;
    double flat = sign * inner.h, edge = sign * outer.h;
    Values step;  // y just behind the edge
    for (int halving = 0; halving < 24; ++halving) {
      const double middle = (flat + edge) / 2;
      Values y = at(middle);
      const bool changed = differs(y, at_zero_);
      (changed ? edge : flat) = middle;
      if (changed) step = std::move(y);
    }
    if (step.empty() || differs(at(1.1 * edge), step)) return;
    bool again = false;
    for (double t = 2 * edge; !again && std::abs(t) <= std::min(1024 * std::abs(edge), scale_ / 16); t *= 2) {
      const Values y = at(t);
      again = differs(y, step) && differs(y, at_zero_);
    }
    if (!again) return;
    stairs_ = true;
    for (std::size_t c = 0; c < cotangents_.size(); ++c) {
      double height = 0;
      for (std::size_t j = 0; j < step.size(); ++j) {
        if (std::isfinite(at_zero_[j])) height += std::abs(cotangents_[c][j] * (step[j] - at_zero_[j]));
      }
      noise_[c] = std::max(noise_[c], height);
    }
    return;
  }
}

Values Line::seen(std::size_t c, double step) const {
  Values v = cotangents_[c];
  for (std::size_t j = 0; j < v.size(); ++j) v[j] = changed_at_[j] <= step ? v[j] : 0;
  return v;
}

double Line::unseen(std::size_t c, double step) const {
  double bound = 0;
  for (std::size_t j = 0; j < changed_at_.size(); ++j) {
    // A quarter of the step at which it did change, it did not.
    if (changed_at_[j] > step)
      bound += std::abs(cotangents_[c][j]) / std::min(changed_at_[j] / ratio, scale_ / 2);
  }
  return rounding * epsilon * inner_ * bound;
}

// A result that changes by little at one step and not at all at smaller ones is rounded somewhere on its way,
// by more than its own last place if terms cancel.
void Line::add_quanta() {
  // More is a kink or a jump farther away.
  constexpr double little = 1e-9, little_of_all = 1e-13;
  for (std::size_t j = 0; j < changed_at_.size(); ++j) {
    const bool flat = std::isfinite(changed_at_[j]) && changed_at_[j] > least_step_;
    if (!flat || !(quantum_[j] <= std::max(little * std::abs(at_zero_[j]), little_of_all * inner_))) continue;
    for (std::size_t c = 0; c < noise_.size(); ++c) noise_[c] += std::abs(cotangents_[c][j]) * quantum_[j];
  }
}

Values Line::at(double t) {
  ++evaluations_;
  return evaluate_(t);
}

// In a result that is finite at x.
bool Line::differs(const Values& a, const Values& b) const {
  for (std::size_t j = 0; j < a.size(); ++j) {
    if (std::isfinite(at_zero_[j]) && a[j] != b[j]) return true;
  }
  return false;
}

double Line::spread(std::size_t c, double step) {
  // Fixed factors without a common pattern, so that luck does not repeat itself.
  double low = infinity, high = -low;
  for (const double factor : {0.61, 0.73, 0.89, 1.07, 1.29, 1.51}) {
    if (ratio * factor * step > scale_ / 2) continue;  // larger than any step of the tableau
    const std::vector<Level> pair{level(ratio * factor * step), level(factor * step)};
    const bool central =
        pair[0].right_finite && pair[0].left_finite && pair[1].right_finite && pair[1].left_finite;
    const bool right = pair[0].right_finite && pair[1].right_finite;
    const bool left = pair[0].left_finite && pair[1].left_finite;
    if (!central && !right && !left) continue;
    const Derivative::Value found = extrapolate(pair, c,
                                                central ? Side::central
                                                : right ? Side::right
                                                        : Side::left);
    if (!found.found) continue;
    low = std::min(low, found.value);
    high = std::max(high, found.value);
  }
  return high >= low ? high - low : infinity;
}

}  // namespace taper::gradcheck_detail
