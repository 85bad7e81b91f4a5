// Numerical derivatives along a line: levels, tableau, verdict. kinks.cpp holds what tells a kink from noise.
#include "differences.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace taper::gradcheck_detail {
namespace {

constexpr int max_columns = 4;  // of the tableau

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
      changed_at_(at_zero.size(), infinity) {
  for (const Values& v : cotangents) {
    double size = 0;
    for (std::size_t j = 0; j < v.size(); ++j)
      size += std::isfinite(at_zero[j]) ? std::abs(v[j] * at_zero[j]) : 0;
    size_.push_back(size);
  }
}

double Line::last_places(double y) {
  constexpr double rounding = 2;  // how many last places a result of f may be off
  return std::max(rounding * epsilon * y, 2 * std::numeric_limits<double>::denorm_min());
}

Line::Level Line::level(double h) {
  Level result;
  result.h = h;
  result.of.resize(cotangents_.size());
  double width_right = h, width_left = -h;
  const Values right = evaluate_(width_right);  // a copy: the next call overwrites it
  const Values& left = evaluate_(width_left);
  width_left = -width_left;
  result.right_finite = width_right > 0;
  result.left_finite = width_left > 0;
  for (std::size_t j = 0; j < at_zero_.size(); ++j) {
    if (!std::isfinite(at_zero_[j])) continue;
    result.right_finite &= std::isfinite(right[j]);
    result.left_finite &= std::isfinite(left[j]);
    const bool to_right = right[j] != at_zero_[j], to_left = left[j] != at_zero_[j];
    result.right_changed |= to_right;
    result.left_changed |= to_left;
    if (to_right || to_left) changed_at_[j] = std::min(changed_at_[j], h);
  }
  if (!result.right_finite && !result.left_finite) return result;

  for (std::size_t c = 0; c < cotangents_.size(); ++c) {
    const Values& v = cotangents_[c];
    long double to_right = 0, to_left = 0, across = 0, lower = 0, upper = 0;
    double rounded = 0, rounded_here = 0;
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
      const double by =
          std::abs(v[j]) * last_places(std::max({std::abs(r), std::abs(l), std::abs(at_zero_[j])}));
      rounded += by;
      if (changed_at_[j] <= h) rounded_here += by;
    }
    Level::Projection& p = result.of[c];
    p.right = static_cast<double>(to_right / width_right);
    p.left = static_cast<double>(to_left / width_left);
    p.central = static_cast<double>(across / (static_cast<long double>(width_right) + width_left));
    p.lower = static_cast<double>(lower);
    p.upper = static_cast<double>(upper);
    p.rounded = rounded;
    p.rounded_here = rounded_here;
  }
  return result;
}

Derivative::Value Line::extrapolate(const std::vector<Level>& levels, std::size_t c, Side side) const {
  // A first-order tableau gains a factor `ratio` in each column, a central one ratio^2.
  const auto gain = [&](int column) { return std::pow(ratio, side == Side::central ? 2 * column : column); };
  Derivative::Value best;
  std::vector<double> row;  // of the level before
  // Quotients that move ever more as the step shrinks say nothing yet: all that y does happens
  // within the steps.
  double last_move = infinity;
  bool settles = false;
  for (const Level& level : levels) {
    const bool finite =
        (side == Side::left || level.right_finite) && (side == Side::right || level.left_finite);
    const bool informs = stairs_.empty() || level.right_changed || level.left_changed;
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
    for (std::size_t m = 1; m <= row.size() && m < max_columns; ++m) {
      const double value = next[m - 1] + (next[m - 1] - row[m - 1]) / (gain(static_cast<int>(m)) - 1);
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
    // The one-sided quotients of a smooth function approach each other in proportion to the step.
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
  look_closely();
  std::vector<Derivative> result;
  for (std::size_t c = 0; c < cotangents_.size(); ++c) result.push_back(judge(c));
  return result;
}

Derivative Line::thorough(std::size_t c, double noise) {
  look_closely();
  noise_[c] = std::max(stairs_.empty() ? 0 : stairs_[c], noise);
  return judge(c);
}

Derivative::Value Line::finer(std::size_t c, double step) const {
  std::vector<Level> finer;
  bool right = true, left = true;
  for (const Level& level : levels_) {
    if (!(level.h < step)) continue;
    right &= level.right_finite;
    left &= level.left_finite;
    finer.push_back(level);
  }
  return extrapolate(finer, c, right && left ? Side::central : right ? Side::right : Side::left);
}

void Line::look_closely() {
  if (!levels_.empty()) return;
  for (double h = scale_ / 2; h >= finest_; h /= ratio) levels_.push_back(level(h));
  look_for_stairs();
  if (!stairs_.empty()) noise_ = stairs_;
}

double Line::gap_noise(const Level& level, std::size_t c) const {
  return 2 * (level.of[c].rounded_here + noise_[c]) / level.h;
}

// Rounding inside f shows at the finest steps, as quotients that scatter around the value that
// larger steps gave.
void Line::measure_noise(const std::vector<Level>& levels, std::size_t c, double value) {
  double scatter = 0;
  for (std::size_t k = levels.size() - levels.size() / 3; k < levels.size(); ++k) {
    const Level& level = levels[k];
    if (level.right_finite && level.left_finite)
      scatter = std::max(scatter, std::abs(level.of[c].central - value) * 2 * level.h);
  }
  noise_[c] = std::max(noise_[c], 1.5 * scatter);
}

// A gap that all but vanishes from one step to the next belongs to a place between the two, not to x. What is left of it
// may be noise inside f, which would look like a jump.
std::size_t Line::first_near_x(std::size_t c) const {
  constexpr double vanishes = 256;
  for (std::size_t k = levels_.size(); k-- > 1;) {
    const Level &before = levels_[k - 1], &level = levels_[k];
    if (!before.right_finite || !before.left_finite || !level.right_finite || !level.left_finite) continue;
    const double wide = before.of[c].upper - before.of[c].lower;
    const bool is_gone = level.of[c].upper - level.of[c].lower <= wide / vanishes;
    if (is_gone && wide > vanishes * gap_noise(before, c)) return k;
  }
  return 0;
}

Derivative Line::judge(std::size_t c) {
  Derivative result;
  // The gap between the one-sided quotients at the finest steps at which it rises above the noise: it falls
  // like the step if y is smooth, stays at a kink, and grows like the step's inverse at a jump.
  std::vector<const Level*> telling;
  bool right = false, left = false;
  for (const Level& level : levels_) {
    right |= level.right_finite;
    left |= level.left_finite;
    if (!level.right_finite || !level.left_finite) continue;
    if (level.of[c].upper - level.of[c].lower > 8 * gap_noise(level, c)) telling.push_back(&level);
  }
  std::size_t first = first_near_x(c);
  std::erase_if(telling, [&](const Level* level) { return level < levels_.data() + first; });
  if (telling.size() >= 3) {
    std::vector<double> growths;  // of the last gaps
    for (std::size_t k = std::max<std::size_t>(telling.size() - 3, 1); k < telling.size(); ++k) {
      const Level::Projection &before = telling[k - 1]->of[c], &p = telling[k]->of[c];
      growths.push_back((p.upper - p.lower) / (before.upper - before.lower));
    }
    const auto [least, most] = std::minmax_element(growths.begin(), growths.end());
    const bool jumps = *least > 0.9 * ratio && *most<1.1 * ratio, bends = *least> 0.5 && *most < 2;
    // The gap before the last one did not fall like the step. (Part of the last one may be gone already.)
    if (growths[growths.size() - 2] > 0.5 && is_passed(*telling.back(), c)) {
      first = static_cast<std::size_t>(telling.back() - levels_.data()) + 1;
    } else if (bends || (jumps && telling.size() >= 5)) {
      judge_kink(telling, jumps, c, result);
    }
  }
  if (!right && !left) return result;
  const Side side = right && left ? Side::central : right ? Side::right : Side::left;
  const std::vector<Level> near_x(levels_.begin() + static_cast<std::ptrdiff_t>(first), levels_.end());
  result.central = extrapolate(near_x, c, side);
  if (result.kind == Derivative::Kind::smooth && result.central.found && side == Side::central) {
    measure_noise(near_x, c, result.central.value);
    result.central = extrapolate(near_x, c, side);
  }
  return result;
}

Values Line::seen(std::size_t c, double step) const {
  Values v = cotangents_[c];
  for (std::size_t j = 0; j < v.size(); ++j) v[j] = changed_at_[j] <= step ? v[j] : 0;
  return v;
}

double Line::unseen(std::size_t c, double step, const Values& rounded) const {
  double bound = 0;
  for (std::size_t j = 0; j < changed_at_.size(); ++j) {
    if (!(changed_at_[j] > step)) continue;
    // The result did change at changed_at_[j], and did not at a quarter of that step.
    const double still = std::min(changed_at_[j] / ratio, scale_ / 2);
    bound += std::abs(cotangents_[c][j]) * rounded[j] / still;
  }
  return bound;
}

Values Line::at(double t) { return evaluate_(t); }

// Only in results that are finite at x.
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
