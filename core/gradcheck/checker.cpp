// What is checked once: that f and its backward do the same twice, leave their inputs alone, and are linear
// in the cotangent; and the verdict.
#include "checker.hpp"

#include "../fail.hpp"
#include "rounding.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iomanip>

namespace taper::gradcheck_detail {
namespace {

// Where the bits of two lists of equal size differ first; their size if nowhere.
std::size_t first_difference(const Values& a, const Values& b) {
  std::size_t i = 0;
  while (i < a.size() && std::memcmp(&a[i], &b[i], sizeof(double)) == 0) ++i;
  return i;
}

}  // namespace

Checker::Checker(const char* op, const ManyToMany& f, const Tensors& inputs, const GradcheckOptions& options,
                 double inner)
    : op_(op),
      f_(f),
      options_(options),
      inner_(inner),
      problem_(op, f, inputs),
      generator_(options.seed),
      progress_(options.progress) {
  if (!options.names.empty() && options.names.size() != inputs.size())
    fail(op, "names has ", options.names.size(), " entries for ", inputs.size(), " inputs");
  const auto is_float32 = [](const Tensor& input) { return input.dtype() == float32; };
  if (std::any_of(inputs.begin(), inputs.end(), is_float32)) given_ = inputs;
  report_.tolerance = options.tolerance;
  report_.seed = options.seed;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    report_.names.push_back(options.names.empty() ? text("argument ", i) : options.names[i]);
  }
}

std::string Checker::name(std::size_t argument) const { return report_.names[argument]; }

GradcheckReport Checker::run() {
  if (calls_agree()) {
    check_linearity();
    if (problem_.input_size() <= options_.max_elements) {
      check_elements();
      check_ties();
      look_for_support_change();
    } else {
      check_directions();
    }
    if (!depends_) {
      report_.doubts.emplace_back(
          given_.empty()
              ? "nothing could be compared: f depends on none of its inputs"
              : "nothing could be compared: float32 inputs are compared at float64 copies of them, "
                "and f does not read what it is given");
    } else if (!given_.empty()) {
      check_float32();
    }
  }
  if (problem_.restore()) report_.mistakes.emplace_back("f or its backward changes its inputs");
  finish();
  return std::move(report_);
}

bool Checker::calls_agree() {
  const auto doubt = [&](const auto&... parts) {
    report_.doubts.push_back(text(parts...));
    return false;
  };
  if (problem_.inputs().empty()) return doubt("nothing could be compared: there are no inputs");
  if (problem_.input_size() == 0) return doubt("nothing could be compared: the inputs have no elements");
  at_x_ = problem_.record();
  if (at_x_.empty()) return doubt("nothing could be compared: f's result has no elements");
  if (problem_.restore()) {
    report_.mistakes.emplace_back("f changes its inputs");
    return false;
  }

  const Values again = problem_.evaluate();
  if (again.size() != at_x_.size())
    return doubt("not deterministic: f returned ", at_x_.size(), " elements, then ", again.size());
  if (const std::size_t j = first_difference(at_x_, again); j < at_x_.size()) {
    return doubt("not deterministic: element ", j, " of f's result was ", std::setprecision(17), at_x_[j],
                 ", then ", again[j],
                 "; a function that draws random numbers has to draw the same ones in each call");
  }
  const auto finite = [](double y) { return std::isfinite(y); };
  if (const auto bad = std::find_if_not(at_x_.begin(), at_x_.end(), finite); bad != at_x_.end()) {
    all_finite_ = false;
    doubt("element ", bad - at_x_.begin(), " of f's result is ", *bad,
          " at x: what is not finite was left out");
  }

  cotangents_ = draw_cotangents(at_x_, generator_);
  for (const Values& v : cotangents_) analytic_.push_back(problem_.vjp(v));
  const std::vector<Values> twice = problem_.vjp(cotangents_.front());
  if (problem_.restore()) {
    report_.mistakes.emplace_back("backward changes its inputs");
    return false;
  }
  for (std::size_t i = 0; i < twice.size(); ++i) {
    const Values& once = analytic_.front()[i];
    if (const std::size_t j = first_difference(once, twice[i]); j < once.size()) {
      report_.mistakes.push_back(text("backward is not deterministic: for ", name(i), " at ",
                                      index_of(static_cast<std::int64_t>(j), problem_.inputs()[i].shape()),
                                      " it gave ", std::setprecision(17), once[j], ", then ", twice[i][j]));
      return false;
    }
    double largest = 0;
    for (const auto& gradients : analytic_) {
      for (double g : gradients[i]) largest = std::isfinite(g) ? std::max(largest, std::abs(g)) : largest;
    }
    scale_.push_back(largest);
  }
  return true;
}

std::vector<Values> draw_cotangents(const Values& results, Generator& generator) {
  Values v(results.size()), u(results.size());
  for (std::size_t j = 0; j < results.size(); ++j) {
    const double sign = generator.uniform() < 0.5 ? -1 : 1;
    const double large = sign * (0.5 + generator.uniform());
    const double wide = std::pow(10, 2 * generator.uniform() - 1);
    const bool kept = generator.uniform() < 0.4;
    if (!std::isfinite(results[j])) continue;
    // Rounded to float32, for an f that computes in it.
    v[j] = static_cast<float>(large);
    u[j] = kept || results.size() == 1 ? static_cast<float>(results.size() == 1 ? -wide : -sign * wide) : 0;
  }
  if (v.size() == 1 && v[0] != 0) v[0] = 1;  // so that a report of one result shows the gradient itself
  return {std::move(v), std::move(u)};
}

void Checker::check_linearity() {
  const auto combined = [](const Values& a, const Values& b) {
    Values c(a.size());
    std::transform(a.begin(), a.end(), b.begin(), c.begin(), [](double x, double y) { return x - 2 * y; });
    return c;
  };
  const Values w = combined(cotangents_[0], cotangents_[1]);
  const std::vector<Values> together = problem_.vjp(w);
  std::vector<std::vector<Values>> rounded;  // `together` under other roundings
  const auto rounding_of_together = [&](std::size_t i, std::size_t j) {
    if (rounded.empty()) {
      for_each_rounding([&] {
        problem_.record();
        rounded.push_back(problem_.vjp(w));
      });
      problem_.record();
    }
    double most = 0;
    for (const std::vector<Values>& other : rounded)
      most = std::max(most, std::abs(other[i][j] - together[i][j]));
    return more_than_samples * most;
  };
  for (std::size_t i = 0; i < together.size(); ++i) {
    const Values& a = analytic_[0][i];
    const Values& b = analytic_[1][i];
    const Values expected = combined(a, b);
    // Rounding is relative to the terms that cancel. Their size shows in the argument's largest gradient or,
    // if that is 0 but for rounding, in f's own size.
    constexpr double roundings = 1e-6;
    double f_size = inner_;
    for (std::size_t j = 0; j < at_x_.size(); ++j)
      f_size += std::isfinite(at_x_[j])
                    ? std::abs(at_x_[j]) * (std::abs(cotangents_[0][j]) + 2 * std::abs(cotangents_[1][j]))
                    : 0;
    for (std::size_t j = 0; j < a.size(); ++j) {
      const double off = std::abs(together[i][j] - expected[j]);
      const double size = std::max(1.0, std::abs(problem_.original(i)[j]));
      if (!(off > roundings * 3 * scale_[i] + 1e-12 * f_size / size)) continue;
      const auto element = [i, j](const std::vector<Values>& gradients) { return gradients[i][j]; };
      if (off <= rounding_of(0, element) + 2 * rounding_of(1, element) + rounding_of_together(i, j)) continue;
      report_.mistakes.emplace_back(
          text("the vector-Jacobian product for ", name(i), " is not linear in dy: at ",
               index_of(static_cast<std::int64_t>(j), problem_.inputs()[i].shape()), " v gives ", a[j],
               ", u gives ", b[j], " and v - 2u gives ", together[i][j], " instead of ", expected[j]));
      break;
    }
  }
}

void Checker::finish() {
  const auto worst_first = [](std::vector<Element>& elements) {
    std::stable_sort(elements.begin(), elements.end(),
                     [](const Element& a, const Element& b) { return a.error > b.error; });
  };
  std::vector<Shape> shapes;
  for (const Tensor& input : problem_.inputs()) shapes.push_back(input.shape());
  report_.diagnosis = diagnose(report_, shapes);
  worst_first(report_.elements);
  worst_first(report_.kinks);
  report_.evaluations = problem_.evaluations();

  for (std::size_t i = 0; i < problem_.inputs().size(); ++i) {
    const auto is_of = [i](const Element& e) { return e.argument == i; };
    if (!report_.elements.empty() && std::any_of(report_.kinks.begin(), report_.kinks.end(), is_of) &&
        std::none_of(report_.elements.begin(), report_.elements.end(), is_of))
      report_.doubts.push_back(
          text("nothing could be compared for ", name(i), ": every element lies at a kink"));
  }
  const auto wrong = [](const std::vector<Element>& elements) {
    return !elements.empty() && elements.front().error > 1;
  };
  if (wrong(report_.elements) || wrong(report_.kinks) || !report_.mistakes.empty()) {
    report_.verdict = Verdict::failed;
  } else if (report_.elements.empty() || !report_.undecided.empty() || !report_.doubts.empty()) {
    report_.verdict = Verdict::undecided;
    if (report_.doubts.empty() && report_.elements.empty()) {
      report_.doubts.emplace_back(
          report_.undecided.empty()
              ? "nothing could be compared: every element lies at a kink, where only bounds are known"
              : "nothing could be compared");
    }
  } else {
    report_.verdict = Verdict::passed;
  }
}

}  // namespace taper::gradcheck_detail
