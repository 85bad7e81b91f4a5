// Large inputs: derivatives along random directions, and bisection to an element that is wrong.
#include "checker.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace taper::gradcheck_detail {
namespace {

constexpr int kinds = 3;
constexpr int first_step = -9;  // as a power of 2: directions are as large as x

double dot(const std::vector<Values>& a, const std::vector<Values>& b) {
  long double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < a[i].size(); ++j)
      sum += b[i][j] == 0 ? 0 : static_cast<long double>(a[i][j]) * b[i][j];
  }
  return static_cast<double>(sum);
}

// The size of a sum of terms with random signs, against which a difference along the direction is measured.
double norm_of_products(const std::vector<Values>& a, const std::vector<Values>& b) {
  long double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < a[i].size(); ++j) {
      const long double term = b[i][j] == 0 ? 0 : static_cast<long double>(a[i][j]) * b[i][j];
      sum += term * term;
    }
  }
  return static_cast<double>(std::sqrt(sum));
}

}  // namespace

// Dense: each element moves by about as much as it is large. Levelled: in inverse proportion to its
// gradient, so that a wrong small one weighs as much as a large one. Sparse: few elements, by amounts of
// many magnitudes.
Checker::Direction Checker::random_direction(int kind) {
  enum { dense, levelled, sparse };
  Direction direction;
  for (std::size_t input = 0; input < problem_.inputs().size(); ++input) {
    const Values& x = problem_.original(input);
    Values d(x.size());
    double square_sum = 0;
    for (double g : analytic_[0][input]) square_sum += std::isfinite(g) ? g * g : 0;
    const double usual = std::sqrt(square_sum / static_cast<double>(std::max<std::size_t>(1, x.size())));
    const double share =
        std::min(1.0, 64 / std::sqrt(static_cast<double>(std::max<std::size_t>(1, x.size()))));
    for (std::size_t j = 0; j < x.size(); ++j) {
      const double u = 2 * generator_.uniform() - 1, chance = generator_.uniform();
      if (!std::isfinite(x[j])) continue;
      const double size = x[j] == 0 ? 1 : std::min(1.0, std::abs(x[j]));
      double amount = (u < 0 ? u - 0.5 : u + 0.5) * size;
      if (kind == levelled) {
        const double g = std::abs(analytic_[0][input][j]);
        amount *= std::clamp(usual / g, 0.1, 10.0);  // 10 if g is 0
        if (!(g > 0)) amount = (u < 0 ? u - 0.5 : u + 0.5) * size;
      } else if (kind == sparse) {
        amount = chance < share ? amount * std::pow(10, -2 * (chance / share)) : 0;
      }
      d[j] = amount;
    }
    direction.push_back(std::move(d));
  }
  return direction;
}

void Checker::check_directions() {
  // A gradient that is not finite is reported first: along a direction it would hide all others.
  for (std::size_t input = 0; input < analytic_[0].size(); ++input) {
    const Values& gradients = analytic_[0][input];
    const auto bad =
        std::find_if_not(gradients.begin(), gradients.end(), [](double g) { return std::isfinite(g); });
    if (bad == gradients.end() || !all_finite_) continue;
    add(compare(input, bad - gradients.begin()));
    return sample_neighbours(input, bad - gradients.begin());
  }
  for (int kind = 0; kind < kinds; ++kind) {
    const Direction direction = random_direction(kind);
    const Comparison found = compare(direction);
    ++report_.directions;
    progress_.show(static_cast<double>(kind + 1) / kinds);
    if (found.outcome == Outcome::failed) return bisect(direction, found.element);
    add(found);
  }
  if (!report_.kinks.empty())
    report_.doubts.emplace_back(
        "a random direction crosses kinks of f, where only bounds are known: move x away from them, or raise "
        "max_elements");
}

// At kinks, each element may be right within its bounds and yet all of them together wrong: the larger of two
// equal ones, if each takes all of dy. So those elements are also moved together, by amounts that keep ties.
void Checker::check_ties() {
  if (report_.kinks.empty()) return;
  Direction direction;
  for (const Tensor& input : problem_.inputs())
    direction.emplace_back(static_cast<std::size_t>(input.size()));
  for (const Element& e : report_.kinks) {
    if (e.error > 1) return;
    const Shape& shape = problem_.inputs()[e.argument].shape();
    std::size_t position = 0;
    for (int axis = 0; axis < shape.size(); ++axis)
      position = position * static_cast<std::size_t>(shape[axis]) + static_cast<std::size_t>(e.index[axis]);
    direction[e.argument][position] = e.x == 0 ? 1 : std::min(1.0, std::abs(e.x));
  }
  const Comparison found = compare(direction);
  if (found.outcome != Outcome::failed) return;
  const Element& e = found.element;
  report_.mistakes.push_back(text(
      "each element at a kink is right alone, but not together: as all of them move alike, v . f changes by ",
      e.numeric, " +- ", e.estimate, ", and the tape says ", e.analytic));
}

// `direction` has to live as long as the line.
Line Checker::line_along(const Direction& direction) {
  const auto move = [this, &direction](double& t) -> const Values& {
    for (std::size_t input = 0; input < direction.size(); ++input) {
      Values moved = problem_.base(input);
      for (std::size_t j = 0; j < moved.size(); ++j) moved[j] += t * direction[input][j];
      problem_.put(input, moved);
    }
    return problem_.evaluate();
  };
  return Line(move, at_x_, cotangents_, 1, 0x1p-44, inner_);
}

Checker::Comparison Checker::compare(const Direction& direction) {
  const auto project = [&](const std::vector<Values>& gradients) { return dot(gradients, direction); };
  Line line = line_along(direction);
  Element element;
  element.argument = direction.size();  // none alone
  const double size = norm_of_products(analytic_[0], direction);
  scale_.resize(direction.size() + 1);
  scale_.back() = size;

  const std::vector<Derivative> quick = line.quick(first_step, 2);
  problem_.restore();
  Comparison worst;
  bool enough = true;
  for (std::size_t c = 0; c < cotangents_.size(); ++c) {
    const Derivative::Value& value = quick[c].central;
    const double terms = norm_of_products(analytic_[c], direction);
    enough &= value.found && std::abs(project(analytic_[c]) - value.value) <= options_.tolerance * terms;
  }
  if (enough) {
    depends_ |= line.depends();
    element.analytic = project(analytic_[0]);
    element.numeric = quick[0].central.value;
    element.estimate = quick[0].central.estimate;
    element.step = quick[0].central.step;
    element.error =
        size == 0 ? 0 : std::abs(element.analytic - element.numeric) / (options_.tolerance * size);
    return {Outcome::passed, element};
  }
  Comparison found = compare(line, project, element, first_step);
  problem_.restore();
  return found;
}

// Halves the direction, keeps the half that is more wrong, and so comes to one element.
void Checker::bisect(const Direction& direction, Element whole) {
  std::vector<std::pair<std::size_t, std::size_t>> places;  // input, element
  for (std::size_t input = 0; input < direction.size(); ++input) {
    for (std::size_t j = 0; j < direction[input].size(); ++j) {
      if (direction[input][j] != 0) places.emplace_back(input, j);
    }
  }
  // By how much the tape and two steps of differences disagree along places begin to end, for each cotangent.
  const auto mismatch = [&](std::size_t begin, std::size_t end) {
    Direction part;
    for (const Values& values : direction) part.emplace_back(values.size());
    for (std::size_t k = begin; k < end; ++k) {
      const auto [input, j] = places[k];
      part[input][j] = direction[input][j];
    }
    const std::vector<Derivative> found = line_along(part).quick(first_step, 2);
    std::vector<double> off;
    for (std::size_t c = 0; c < analytic_.size(); ++c)
      off.push_back(dot(analytic_[c], part) - found[c].central.value);
    return off;
  };
  std::size_t begin = 0, end = places.size();
  std::vector<double> total = mismatch(begin, end);
  while (end - begin > 1) {
    const std::size_t middle = begin + (end - begin) / 2;
    const std::vector<double> left = mismatch(begin, middle);
    std::vector<double> right = total;
    double worst_left = 0, worst_right = 0;
    for (std::size_t c = 0; c < total.size(); ++c) {
      right[c] -= left[c];
      // NaN is the most that can be wrong, and then the total tells nothing about the right half.
      worst_left = std::isnan(left[c]) ? std::numeric_limits<double>::infinity()
                                       : std::max(worst_left, std::abs(left[c]));
      worst_right = std::isnan(right[c]) ? std::numeric_limits<double>::max()
                                         : std::max(worst_right, std::abs(right[c]));
    }
    (worst_left >= worst_right ? end : begin) = middle;
    total = worst_left >= worst_right ? left : mismatch(begin, end);
  }
  problem_.restore();
  const auto [input, j] = places[begin];
  Comparison found = compare(input, static_cast<std::int64_t>(j));
  if (found.outcome != Outcome::failed) {
    report_.mistakes.emplace_back(
        "the derivative along a random direction is wrong, and no single element explains it");
    report_.elements.push_back(std::move(whole));
  }
  add(std::move(found));
  sample_neighbours(input, static_cast<std::int64_t>(j));
}

// The element that bisection found, and others of the same input, from which the cause may show.
void Checker::sample_neighbours(std::size_t input, std::int64_t around) {
  constexpr int samples = 48;
  const std::int64_t size = problem_.inputs()[input].size();
  for (int k = 0; k < samples && k < size - 1; ++k) {
    const auto i = static_cast<std::int64_t>(generator_.uniform() * static_cast<double>(size));
    if (i != around) add(compare(input, i));
  }
}

}  // namespace taper::gradcheck_detail
