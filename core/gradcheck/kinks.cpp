// Derivatives along a line where f is not smooth: kinks, jumps, stairs, and noise that looks like them.
#include "differences.hpp"
#include "rounding.hpp"

#include <algorithm>
#include <cmath>

namespace taper::gradcheck_detail {
// Is the gap gone at the next step, although noise would not hide it there? Then x itself lies between kinks.
bool Line::is_passed(const Level& last, std::size_t c) const {
  const auto next = levels_.begin() + (&last - levels_.data()) + 1;
  return next != levels_.end() && next->right_finite && next->left_finite &&
         8 * gap_noise(*next, c) < (last.of[c].upper - last.of[c].lower) / 2;
}

// The height of a jump (its gap times the step) is the same at all steps, that of a kink largest
// at the largest.
void Line::judge_kink(const std::vector<const Level*>& telling, bool jumps, std::size_t c,
                      Derivative& result) {
  result.kind = jumps ? Derivative::Kind::jump : Derivative::Kind::kink;
  if (is_noise(jumps ? std::vector<const Level*>{telling.end() - 4, telling.end()} : telling, c)) {
    result.kind = Derivative::Kind::smooth;
  } else if (jumps) {
    const Derivative::Value sides[] = {extrapolate(levels_, c, Side::right),
                                       extrapolate(levels_, c, Side::left)};
    const auto converges = [&](const Derivative::Value& side) {
      return side.found && side.estimate <= 1e-4 * std::max(std::abs(side.value), size_[c] / scale_);
    };
    if (converges(sides[0]) != converges(sides[1]))
      result.one_sided = converges(sides[0]) ? sides[0] : sides[1];
  } else {
    find_bounds(telling, c, result);
  }
}

// Is the gap noise: a stair too low to change the derivative that larger steps give, or about as low as rounding? Then
// that is the height of the noise.
bool Line::is_noise(const std::vector<const Level*>& telling, std::size_t c) {
  constexpr double negligible = 1e-8, roundings = 64;
  double height = 0, size = 0;  // of the terms in what changes
  for (const Level* level : telling)
    height = std::max(height, (level->of[c].upper - level->of[c].lower) * level->h);
  for (std::size_t j = 0; j < at_zero_.size(); ++j) {
    if (std::isfinite(changed_at_[j]))
      size = std::max(size, std::abs(cotangents_[c][j]) * std::max(inner_, std::abs(at_zero_[j])));
  }
  const double before = noise_[c];
  noise_[c] = std::max(before, 2 * height);
  const Derivative::Value value = extrapolate(levels_, c, Side::central);
  const bool is = height <= roundings * epsilon * size ||
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
void Line::look_for_stairs() {
  for (std::size_t k = 1; k < levels_.size(); ++k) {
    const Level &outer = levels_[k - 1], &inner = levels_[k];
    const bool on_right =
        outer.right_finite && outer.right_changed && inner.right_finite && !inner.right_changed;
    const bool on_left = outer.left_finite && outer.left_changed && inner.left_finite && !inner.left_changed;
    if (!on_right && !on_left) continue;
    const double sign = on_right ? 1 : -1;
    double flat = sign * inner.h, edge = sign * outer.h;
    Values step;  // y just beyond the edge
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
    for (const Values& v : cotangents_) {
      stairs_.push_back(0);
      for (std::size_t j = 0; j < step.size(); ++j)
        stairs_.back() += std::isfinite(at_zero_[j]) ? std::abs(v[j] * (step[j] - at_zero_[j])) : 0;
    }
    return;
  }
}

double Line::noise_of_rounding(std::size_t c, double step) {
  // Stairs inside f may be wider than the step.
  std::vector<double> places{0};
  for (double t = step; std::abs(t) <= scale_; t *= -2.3) places.push_back(t);
  const auto sample = [&] {
    std::vector<Values> result;
    for (const double t : places) result.push_back(at(t));
    return result;
  };
  const std::vector<Values> usual = sample();
  double most = 0;
  for_each_rounding([&] {
    const std::vector<Values> other = sample();
    for (std::size_t k = 1; k < other.size(); ++k) {
      double moved = 0;
      for (std::size_t j = 0; j < at_zero_.size(); ++j) {
        const double by = (other[k][j] - other[0][j]) - (usual[k][j] - usual[0][j]);
        moved += std::isfinite(by) ? std::abs(cotangents_[c][j] * by) : 0;
      }
      most = std::max(most, moved);
    }
  });
  return most;
}

Derivative::Value Line::slope(std::size_t c, double step) {
  double to_right = step, to_left = -step;
  const Values right = evaluate_(to_right);  // a copy: the next call overwrites it
  const Values& left = evaluate_(to_left);
  const double width = to_right - to_left;
  long double across = 0;
  double rounded = 0;
  bool finite = width > 0;
  for (std::size_t j = 0; j < right.size(); ++j) {
    const double v = cotangents_[c][j];
    if (right[j] == left[j] || v == 0) continue;
    finite &= std::isfinite(right[j]) && std::isfinite(left[j]);
    across += static_cast<long double>(v) * (static_cast<long double>(right[j]) - left[j]);
    rounded += std::abs(v) * last_places(std::max(std::abs(right[j]), std::abs(left[j])));
  }
  return {static_cast<double>(across / width), rounded / width, step, finite};
}

}  // namespace taper::gradcheck_detail
