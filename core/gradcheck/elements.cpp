// The comparison element by element.
#include "checker.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace taper::gradcheck_detail {
namespace {

constexpr std::int64_t max_failures = 256;  // of one argument; no more are looked at
// An estimate is good enough to call an element compared if it is so much smaller than the element, or than
// the largest of its argument: what lies below the noise of f can't be told from 0 by any difference.
constexpr double fine_for_element = 0.05, fine_for_argument = 1e-4;
// A derivative below the rounding of f can't be told from 0. The limit is in units of f's size per size of x.
constexpr double fine_for_function = 1e-10;
constexpr double fine_at_once = 1e-5;  // a quick estimate above this is worth the thorough one

// How far off a value is, in units of how far off it may be.
double in_units(double off, double allowed) {
  if (off == 0) return 0;
  return std::isfinite(off) && allowed > 0 ? off / allowed : std::numeric_limits<double>::infinity();
}

}  // namespace

void Checker::check_elements() {
  std::int64_t done = 0;
  for (std::size_t input = 0; input < problem_.inputs().size(); ++input) {
    std::int64_t failures = 0;
    const std::int64_t size = problem_.inputs()[input].size();
    for (std::int64_t i = 0; i < size && failures < max_failures; ++i) {
      Comparison found = compare(input, i);
      failures += found.outcome == Outcome::failed;
      add(std::move(found));
      progress_.show(static_cast<double>(done + i) / static_cast<double>(problem_.input_size()));
    }
    done += size;
    if (failures == max_failures)
      report_.mistakes.push_back(name(input) + ": no more was compared after " + std::to_string(failures) +
                                 " failures");
  }
  if (!depends_) depends_ = depends_on_inputs();
}

Checker::Comparison Checker::compare(std::size_t input, std::int64_t i) {
  const double x = problem_.original(input)[static_cast<std::size_t>(i)];
  Element element;
  element.argument = input;
  element.index = index_of(i, problem_.inputs()[input].shape());
  element.x = x;
  const auto project = [=](const std::vector<Values>& gradients) {
    return gradients[input][static_cast<std::size_t>(i)];
  };
  if (!std::isfinite(x)) {
    element.analytic = project(analytic_.front());
    element.reason = "x is not finite";
    return {Outcome::undecided, element};
  }
  const double size = std::max(1.0, std::abs(x));
  // Small elements may need steps in proportion to them (log), however small those are.
  const double finest = std::max(
      1e-30,
      std::min(0x1p-44 * size, x == 0 ? std::numeric_limits<double>::infinity() : 0x1p-20 * std::abs(x)));
  Line line(
      [&](double& t) -> const Values& {
        const double from = problem_.base(input)[static_cast<std::size_t>(i)], moved = from + t;
        problem_.put(input, i, moved);
        t = moved - from;
        return problem_.evaluate();
      },
      at_x_, cotangents_, size, finest, inner_);
  Comparison found = compare(line, project, element, -6);
  problem_.put(input, i, x);
  return found;
}

Checker::Comparison Checker::compare(Line& line, const Project& project, const Element& element,
                                     int first_step) {
  // The worst of the cotangents, v before u, so that the numbers of different elements belong to
  // one cotangent.
  const auto worst_of = [&](const std::vector<Derivative>& found) {
    Comparison worst = judge(line, 0, found[0], project, element);
    for (std::size_t c = 1; c < cotangents_.size() && worst.outcome != Outcome::failed; ++c) {
      Comparison next = judge(line, c, found[c], project, element);
      if (next.outcome > worst.outcome) worst = std::move(next);
    }
    return worst;
  };

  const std::vector<Derivative> quick = line.quick(first_step, 3);
  bool enough = true;
  for (std::size_t c = 0; c < cotangents_.size(); ++c) {
    const Derivative::Value& value = quick[c].central;
    const double analytic = project(analytic_[c]);
    const double size = std::max(std::abs(analytic), std::abs(value.value));
    enough &= value.found && std::isfinite(analytic) && value.estimate <= fine_at_once * size &&
              std::abs(analytic - value.value) <= options_.tolerance * size;
  }
  Comparison found = worst_of(enough ? quick : line.thorough());
  depends_ |= line.depends();
  return found;
}

// `rounding` is how far rounding may have moved `analytic`.
Checker::Comparison Checker::judge(Line& line, std::size_t c, const Derivative& found, double analytic,
                                   double rounding, Element element) {
  element.analytic = analytic;
  const double scale = element.argument < scale_.size() ? scale_[element.argument] : 0;
  const auto set = [&](double value, double estimate, double step) {
    element.numeric = value;
    element.estimate = estimate + rounding;
    element.step = step;
    // What is not finite may not widen what is allowed.
    const double size =
        std::isfinite(analytic) ? std::max(std::abs(analytic), std::abs(value)) : std::abs(value);
    element.error = in_units(std::abs(analytic - value), element.estimate + options_.tolerance * size);
  };
  const auto fine_for_itself = [&] {
    return element.estimate <= fine_for_element * std::max(std::abs(analytic), std::abs(element.numeric));
  };
  const auto fine = [&] {
    return fine_for_itself() || element.estimate <= std::max(fine_for_argument * scale,
                                                             fine_for_function * line.size(c) / line.scale());
  };
  const auto undecided = [&](const char* reason) {
    element.reason = reason;
    return Comparison{Outcome::undecided, element};
  };

  const Derivative::Value& central = found.central;
  if (!central.found) return undecided("f is not finite at any step");
  set(central.value, central.estimate, central.step);
  if (found.kind == Derivative::Kind::kink) {
    element.left = found.lower;
    element.right = found.upper;
    element.estimate = found.bounds_estimate + rounding;
    element.step = found.bounds_step;
    const double bound = std::max(std::abs(found.lower), std::abs(found.upper));
    // What is not finite may not widen what is allowed.
    const double size = std::isfinite(analytic) ? std::max(std::abs(analytic), bound) : bound;
    const double outside = std::max({0.0, found.lower - analytic, analytic - found.upper});
    element.error =
        in_units(std::isnan(analytic) ? infinity : outside, element.estimate + options_.tolerance * size);
    if (element.error > 1) return {Outcome::failed, element, true};
    if (element.estimate > fine_for_element * size) return undecided("noise of f hides the kink's two sides");
    return {Outcome::kink, element, true};
  }
  if (found.kind == Derivative::Kind::jump) {
    if (!found.one_sided.found) return undecided("f jumps here");
    set(found.one_sided.value, found.one_sided.estimate, found.one_sided.step);
    element.left = element.right = element.numeric;
    return {element.error <= 1 ? Outcome::kink : Outcome::failed, element, true};
  }
  if (std::isnan(analytic) && !all_finite_) return undecided("f is not finite");
  if (std::isinf(analytic) && !(central.estimate <= fine_for_element * std::abs(central.value)))
    return undecided("the derivative is infinite");
  const auto compared = [&] {
    return fine() ? Comparison{Outcome::passed, element}
                  : undecided("noise of f is larger than the derivative");
  };
  if (element.error <= 1) return compared();
  // The value is outside of the estimate; but a single tableau may be lucky, so ask for more of them.
  const double spread = line.spread(c, element.step);
  if (spread > element.estimate) set(central.value, spread, central.step);
  if (element.error <= 1) return compared();
  if (!fine_for_itself() && element.error < 10)
    return undecided("noise of f is about as large as the difference");
  return {Outcome::failed, element};
}

void Checker::add(Comparison comparison) {
  auto& list = comparison.outcome == Outcome::undecided ? report_.undecided
               : comparison.at_kink                     ? report_.kinks
                                                        : report_.elements;
  list.push_back(std::move(comparison.element));
}

// f may be flat around x and still depend on it: so look far away.
bool Checker::depends_on_inputs() {
  constexpr int draws = 8;
  for (int draw = 0; draw < draws; ++draw) {
    for (std::size_t input = 0; input < problem_.inputs().size(); ++input) {
      Values far = problem_.original(input);
      for (double& x : far)
        x += (generator_.uniform() - 0.5) * std::pow(4, draw) * std::max(1.0, std::abs(x));
      problem_.put(input, far);
    }
    const Values& y = problem_.evaluate();
    const bool same = std::equal(y.begin(), y.end(), at_x_.begin(), at_x_.end(), [](double a, double b) {
      return a == b || (std::isnan(a) && std::isnan(b));
    });
    problem_.restore();
    if (!same) return true;
  }
  return false;
}

// Bisects towards the nearest place at which a result becomes 0 or stops being 0, for each element on either
// side. Results that are 0 at a single point only (log at 1) have no support to change.
void Checker::look_for_support_change() {
  constexpr std::int64_t most = 64;  // elements, each of which costs some thirty evaluations
  constexpr double nudge = 0x1p-30;
  if (std::find(at_x_.begin(), at_x_.end(), 0.0) == at_x_.end() || problem_.input_size() > most) return;
  std::vector<char> stays(at_x_.size(), 1);
  const auto for_each_move = [&](auto visit) {
    for (std::size_t input = 0; input < problem_.inputs().size(); ++input) {
      for (std::int64_t i = 0; i < problem_.inputs()[input].size(); ++i) {
        const double x = problem_.original(input)[static_cast<std::size_t>(i)];
        const auto at = [&, input, i, x](double t) -> const Values& {
          problem_.put(input, i, x + t);
          return problem_.evaluate();
        };
        for (const double size : {std::max(1.0, std::abs(x)), -std::max(1.0, std::abs(x))}) {
          if (std::isfinite(x)) visit(at, size, input, i);
        }
        problem_.put(input, i, x);
      }
    }
  };
  for_each_move([&](const auto& at, double size, std::size_t, std::int64_t) {
    const Values& y = at(nudge * size);
    for (std::size_t j = 0; j < y.size(); ++j) stays[j] &= (y[j] == 0) == (at_x_[j] == 0);
  });
  bool any = false;
  for (std::size_t j = 0; j < stays.size(); ++j) any |= stays[j] && at_x_[j] == 0;
  if (!any) return;
  double nearest = infinity;
  for_each_move([&](const auto& at, double size, std::size_t input, std::int64_t i) {
    const auto differs = [&](double t) {
      const Values& y = at(t);
      for (std::size_t j = 0; j < y.size(); ++j) {
        if (stays[j] && (y[j] == 0) != (at_x_[j] == 0)) return true;
      }
      return false;
    };
    double same = 0, different = std::copysign(std::min(nearest, std::abs(size)), size);
    if (!differs(different)) return;
    while (std::abs(different - same) > 1e-3 * std::abs(different)) {
      const double middle = (same + different) / 2;
      (differs(middle) ? different : same) = middle;
    }
    if (std::abs(different) >= nearest) return;
    nearest = std::abs(different);
    Element element;
    element.argument = input;
    element.index = index_of(i, problem_.inputs()[input].shape());
    element.x = problem_.original(input)[static_cast<std::size_t>(i)];
    element.step = different;
    report_.support_change = element;
  });
}

}  // namespace taper::gradcheck_detail
