// What fails at first sight is looked at again: is it rounding, a kink nearer than the steps, or do several
// kinks meet?
#include "checker.hpp"
#include "differences.hpp"
#include "rounding.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace taper::gradcheck_detail {
namespace {

// Points near x are taken in so many directions, at each of these distances relative to the element.
constexpr int directions = 32;
constexpr double distances[] = {0x1p-20, 0x1p-26, 0x1p-32, 0x1p-38};

double max_finite(double a, double b) { return std::isfinite(b) ? std::max(a, b) : a; }

}  // namespace

// What failed at first sight, and what is known about it since.
struct Checker::Failure {
  Line& line;
  std::size_t c;  // which cotangent
  const Project& project;
  const Comparison& first;
  double analytic;
  double rounding;  // how far rounding may have moved `analytic`
  double step;      // the step that gave the difference, with all noise that is known

  Comparison undecided(const char* reason) const {
    Comparison result = first;
    result.outcome = Outcome::undecided;
    result.element.reason = reason;
    return result;
  }
};

Checker::Comparison Checker::judge(Line& line, std::size_t c, const Derivative& found, const Project& project,
                                   const Element& element) {
  const double analytic = project(analytic_[c]);
  const Comparison first = judge(line, c, found, analytic, 0, element);
  if (first.outcome != Outcome::failed || !std::isfinite(analytic)) return first;
  // If a look is expensive, one failure that stands is enough; others only show its pattern.
  const bool large = problem_.input_size() > options_.max_elements;
  if (large && failure_stands_) return first;

  problem_.restore();  // backward reads the inputs
  Failure failure{line, c, project, first, analytic, rounding_of(c, project), first.element.step};
  for (const auto look : {&Checker::look_for_rounding, &Checker::look_for_kinks}) {
    if (auto excuse = (this->*look)(failure)) return *std::move(excuse);
  }
  failure_stands_ = true;
  return first;
}

std::optional<Checker::Comparison> Checker::look_for_rounding(Failure& f) {
  Derivative noisy;
  const auto judge_by = [&](double analytic, double rounding) {
    return judge(f.line, f.c, noisy, analytic, rounding, f.first.element);
  };
  const Values rounded_y = rounding_of_y();
  // The noise that is known decides the step, and the step decides which results add noise.
  for (int round = 0; round < 2; ++round) {
    const Values seen = f.line.seen(f.c, f.step);
    const double noise = std::inner_product(seen.begin(), seen.end(), rounded_y.begin(), 0.0, std::plus<>(),
                                            [](double v, double y) { return std::abs(v * y); });
    noisy = f.line.thorough(f.c, std::max(noise, f.line.noise_of_rounding(f.c, f.step)));
    Comparison again = judge_by(f.analytic, f.rounding);
    if (again.outcome != Outcome::failed) return again;
    f.step = again.element.step;
  }
  // A result that did not change at that step may still depend on x, by less than it is rounded, and its part
  // of the gradient may cancel the others': the 1 of a softmax whose other results are 1e-30. So only the
  // results that did change are compared, and the rest counts as unknown.
  problem_.restore();
  const double part = f.project(problem_.vjp(f.line.seen(f.c, f.step))), rest = std::abs(f.analytic - part);
  if (rest <= f.line.unseen(f.c, f.step, rounded_y) && judge_by(part, f.rounding).outcome != Outcome::failed)
    return judge_by(f.analytic, f.rounding + rest);
  return {};
}

std::optional<Checker::Comparison> Checker::look_for_kinks(Failure& f) {
  const auto judge_by = [&](const Derivative& found) {
    return judge(f.line, f.c, found, f.analytic, f.rounding, f.first.element);
  };
  Derivative finer;
  finer.central = f.line.finer(f.c, f.step);
  if (!f.first.at_kink && finer.central.found && judge_by(finer).outcome != Outcome::failed)
    return f.undecided("smaller steps don't show what larger ones do");

  if (auto nearby = look_around(f)) {
    Derivative& bounds = nearby->bounds;
    Comparison again = judge_by(bounds);
    if (again.outcome != Outcome::failed) return again;
    // A few points don't show all of many pieces; of very many, they don't even show the rough bounds.
    constexpr int many = 3, very_many = 8;
    bounds.bounds_estimate += 4 * (bounds.upper - bounds.lower);
    const bool about = nearby->pieces >= many && judge_by(bounds).outcome != Outcome::failed;
    if (about || nearby->pieces >= very_many) return f.undecided("several kinks of f meet here");
  }
  return {};
}

Checker::Sample Checker::record_sample() {
  Sample sample;
  sample.y = problem_.record();
  for (const Values& v : cotangents_) sample.gradients.push_back(problem_.vjp(v));
  return sample;
}

const std::vector<Checker::Sample>& Checker::rounded_otherwise() {
  if (rounded_.empty()) {
    for_each_rounding([&] { rounded_.push_back(record_sample()); });
    problem_.record();
  }
  return rounded_;
}

double Checker::rounding_of(std::size_t c, const Project& project) {
  double most = 0;
  for (const Sample& sample : rounded_otherwise())
    most = max_finite(most, std::abs(project(sample.gradients[c]) - project(analytic_[c])));
  return more_than_samples * most;
}

// The ways to round may all hide the same term. A row of softmax with one p = 1 has p (dp - sum p dp) = 0 there in
// each of them, whatever the other probabilities, all of 1e-18, add to the sum; and that 0 is multiplied with a key.
// So no result is better than the terms that it may consist of.
Values Checker::rounding_of_y() {
  double largest = 1;  // of the inputs
  for (std::size_t i = 0; i < problem_.inputs().size(); ++i) {
    for (const double x : problem_.original(i)) largest = max_finite(largest, std::abs(x));
  }
  Values most;
  for (const double y : at_x_) most.push_back(Line::last_places(std::max(inner_ * largest, std::abs(y))));
  for (const Sample& sample : rounded_otherwise()) {
    for (std::size_t j = 0; j < most.size(); ++j)
      most[j] = max_finite(most[j], more_than_samples * std::abs(sample.y[j] - at_x_[j]));
  }
  return most;
}

// Samples near x, for each of the distances in the same directions.
const std::vector<std::vector<Checker::Sample>>& Checker::neighbours() {
  if (!neighbours_.empty()) return neighbours_;
  neighbours_.resize(std::size(distances));
  for (int k = 0; k < directions; ++k) {
    Direction direction;
    for (std::size_t i = 0; i < problem_.inputs().size(); ++i) {
      Values d = problem_.original(i);
      for (double& x : d) {
        const double u = 2 * generator_.uniform() - 1;
        // In every other direction a few elements move by far more than the others.
        x = (x == 0 ? 1 : x) * (k % 2 == 0 ? u : std::copysign(std::pow(10, -6 * std::abs(u)), u));
      }
      direction.push_back(std::move(d));
    }
    for (std::size_t far = 0; far < std::size(distances); ++far) {
      Direction x = direction;
      for (std::size_t i = 0; i < x.size(); ++i) {
        std::transform(x[i].begin(), x[i].end(), problem_.original(i).begin(), x[i].begin(),
                       [&](double d, double from) { return from + distances[far] * d; });
      }
      problem_.move_to(x);
      neighbours_[far].push_back(record_sample());
      neighbours_[far].back().x = std::move(x);
    }
  }
  problem_.restore();
  problem_.record();
  return neighbours_;
}

// Where several kinks meet, the tape's value may be that of a piece of f which no move of this element alone
// reaches. So the bounds are those of the differences at points all around x (Clarke's generalized gradient,
// Optimization and Nonsmooth Analysis, 1983), if nearer to x the tape's slopes are as far apart.
std::optional<Checker::Surroundings> Checker::look_around(const Failure& f) {
  if (problem_.input_size() > options_.max_elements) return {};  // there, a point costs too much
  const Element& at_x = f.first.element;
  const auto slopes_at = [&](std::size_t far) {
    std::vector<double> slopes;
    for (const Sample& there : neighbours()[far]) {
      const double slope = f.project(there.gradients[f.c]);
      if (std::isfinite(slope)) slopes.push_back(slope);
    }
    std::sort(slopes.begin(), slopes.end());
    return slopes;
  };
  const auto width_of = [&](const std::vector<double>& slopes) {
    if (slopes.empty()) return 0.0;
    if (!f.first.at_kink) return slopes.back() - slopes.front();
    return std::max(slopes.back(), at_x.right) - std::min(slopes.front(), at_x.left);
  };
  const double nearest = width_of(slopes_at(std::size(distances) - 1));
  for (std::size_t far = 0; far + 1 < std::size(distances); ++far) {
    std::vector<double> nearer = slopes_at(far + 1);
    const double width = width_of(slopes_at(far));
    if (!(width > f.rounding && width_of(nearer) > width / 4)) continue;
    // If x itself is at no kink, the pieces have to meet at x, and not only near it.
    if (!f.first.at_kink && !(nearest > width / 4)) continue;

    Derivative bounds;
    bounds.kind = Derivative::Kind::kink;
    bounds.central.found = true;
    bounds.bounds_step = distances[far] / 64 * f.line.scale();
    bounds.lower = f.first.at_kink ? at_x.left : infinity;
    bounds.upper = f.first.at_kink ? at_x.right : -bounds.lower;
    for (const Sample& there : neighbours()[far]) {
      problem_.move_to(there.x);
      const Derivative::Value value = f.line.slope(f.c, bounds.bounds_step);
      problem_.restore();
      if (!value.found) continue;
      bounds.lower = std::min(bounds.lower, value.value);
      bounds.upper = std::max(bounds.upper, value.value);
      bounds.bounds_estimate = std::max(bounds.bounds_estimate, value.estimate);
    }
    if (!(bounds.lower <= bounds.upper)) continue;  // f is not finite there
    const auto curved = [&](std::size_t k) { return 64 * distances[k] * (bounds.upper - bounds.lower); };
    bounds.bounds_estimate += curved(far);
    const auto last = std::unique(nearer.begin(), nearer.end(),
                                  [&](double a, double b) { return b - a <= curved(far + 1) + f.rounding; });
    return Surroundings{bounds, static_cast<int>(last - nearer.begin())};
  }
  return {};
}

}  // namespace taper::gradcheck_detail
