// The curve of errors against steps, and its picture.
#include "curve.hpp"

#include "../fail.hpp"
#include "checker.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace taper {

using gradcheck_detail::text;
using gradcheck_detail::Values;

StepCurve step_curve(const MultiFunction& f, const std::vector<Tensor>& inputs, std::size_t argument,
                     const Shape& index, const GradcheckOptions& options) {
  if (argument >= inputs.size())
    fail("step_curve", "argument must be below ", inputs.size(), ", the number of inputs, got ", argument);
  const gradcheck_detail::ManyToMany many = [&f](const std::vector<Tensor>& x) {
    return std::vector<Tensor>{f(x)};
  };
  gradcheck_detail::Problem problem("step_curve", many, inputs);
  const Shape& shape = inputs[argument].shape();
  std::int64_t flat = 0;
  bool inside = index.size() == shape.size();
  for (int axis = 0; inside && axis < shape.size(); ++axis) {
    inside = index[axis] >= 0 && index[axis] < shape[axis];
    flat = flat * shape[axis] + index[axis];
  }
  if (!inside) fail("step_curve", "index ", index, " is no element of an input of shape ", shape);

  if (!options.names.empty() && options.names.size() != inputs.size())
    fail("step_curve", "names has ", options.names.size(), " entries for ", inputs.size(), " inputs");
  if (!std::isfinite(problem.original(argument)[static_cast<std::size_t>(flat)]))
    fail("step_curve", "x is not finite at index ", index);

  const Values at_x = problem.record();
  Generator generator(options.seed);
  const std::vector<Values> cotangents{gradcheck_detail::draw_cotangents(at_x, generator).front()};
  const auto element = static_cast<std::size_t>(flat);
  const double x = problem.original(argument)[element];
  StepCurve curve;
  curve.analytic = problem.vjp(cotangents[0])[argument][element];
  curve.title = text(options.names.empty() ? text("argument ", argument) : options.names[argument], ' ',
                     index, " = ", x);

  const auto move = [&](double& t) -> const Values& {
    const double moved = x + t;
    problem.put(argument, flat, moved);
    t = moved - x;
    return problem.evaluate();
  };
  const double size = std::max(1.0, std::abs(x));
  const auto along_v = [&](const Values& right, const Values& left) {
    long double sum = 0;
    for (std::size_t j = 0; j < right.size(); ++j)
      sum += static_cast<long double>(cotangents[0][j]) * (static_cast<long double>(right[j]) - left[j]);
    return static_cast<double>(sum);
  };
  for (int k = 0; k <= 48; ++k) {  // from size to 1e-12 of it, four steps a decade
    double right_step = size * std::pow(10, -k / 4.0), left_step = -right_step;
    const Values right = move(right_step);
    const Values& left = move(left_step);
    const StepCurve::Point point{right_step, along_v(right, at_x) / right_step,
                                 along_v(right, left) / (right_step - left_step)};
    if (std::isfinite(point.forward) && std::isfinite(point.central)) curve.points.push_back(point);
  }
  gradcheck_detail::Line line(move, at_x, cotangents, size, 0x1p-44 * size, 0);
  const gradcheck_detail::Derivative::Value found = line.thorough()[0].central;
  curve.found.argument = argument;
  curve.found.index = index;
  curve.found.x = x;
  curve.found.analytic = curve.analytic;
  curve.found.numeric = found.value;
  curve.found.estimate = found.estimate;
  curve.found.step = found.step;
  return curve;
}

StepCurve step_curve(const Function& f, const Tensor& input, const Shape& index,
                     const GradcheckOptions& options) {
  return step_curve([&f](const std::vector<Tensor>& x) { return f(x[0]); }, {input}, 0, index, options);
}

namespace {

constexpr double left = 76, right = 700, top = 44, bottom = 372;  // the frame, in pixels

// A logarithmic axis.
struct Axis {
  double low, high;   // exponents of 10
  double begin, end;  // pixels
  double operator()(double value) const {
    const double exponent = std::clamp(std::log10(value), low, high);
    return begin + (exponent - low) / (high - low) * (end - begin);
  }
};

std::string superscript(int exponent) {
  return text("10<tspan dy=\"-5\" font-size=\"10\">", exponent < 0 ? "\u2212" : "", std::abs(exponent),
              "</tspan>");
}

}  // namespace

std::string StepCurve::svg() const {
  constexpr double tiniest = 1e-17;  // relative; what is equal is drawn there
  const double scale = std::abs(analytic) > 0 ? std::abs(analytic) : 1;
  const auto error = [&](double value) { return std::max(tiniest, std::abs(value - analytic) / scale); };
  double highest = 1e-3, smallest_step = 1, largest_step = 1e-12;
  for (const Point& point : points) {
    highest = std::max({highest, error(point.forward), error(point.central)});
    smallest_step = std::min(smallest_step, point.step);
    largest_step = std::max(largest_step, point.step);
  }
  const Axis x{std::floor(std::log10(smallest_step)), std::ceil(std::log10(largest_step)), left, right};
  const Axis y{-17, std::ceil(std::log10(highest)), bottom, top};

  std::string marks;
  for (int e = static_cast<int>(x.low); e <= static_cast<int>(x.high); e += 2) {
    const double at = x(std::pow(10, e));
    marks += text("<line class=\"grid\" x1=\"", at, "\" x2=\"", at, "\" y1=\"", top, "\" y2=\"", bottom,
                  "\"/><text x=\"", at, "\" y=\"", bottom + 22, "\" text-anchor=\"middle\">", superscript(e),
                  "</text>\n");
  }
  for (int e = static_cast<int>(y.low) + 1; e <= static_cast<int>(y.high); e += 4) {
    const double at = y(std::pow(10, e));
    marks += text("<line class=\"grid\" x1=\"", left, "\" x2=\"", right, "\" y1=\"", at, "\" y2=\"", at,
                  "\"/><text x=\"", left - 10, "\" y=\"", at + 4, "\" text-anchor=\"end\">", superscript(e),
                  "</text>\n");
  }
  const auto line = [&](const char* name, auto value) {
    std::string path = text("<polyline class=\"", name, "\" points=\"");
    for (const Point& point : points) path += text(x(point.step), ',', y(error(value(point))), ' ');
    return path + "\"/>\n";
  };
  const double chosen_x = x(found.step), chosen_y = y(error(found.numeric));
  return text(
      R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 440" width="720" height="440" role="img" aria-label="Error of a difference against its step">
<style>
  svg { font: 13px sans-serif; background: #fff; }
  text { fill: #333; } .grid { stroke: #e3e3e3; } polyline { fill: none; stroke-width: 2; stroke-linejoin: round; }
  .forward { stroke: #c2571a; } .central { stroke: #1f6fb4; } .chosen { fill: none; stroke: #2a8a4a; stroke-width: 2.5; }
  .forward-text { fill: #c2571a; } .central-text { fill: #1f6fb4; } .chosen-text { fill: #2a8a4a; }
  @media (prefers-color-scheme: dark) {
    svg { background: #16181c; } text { fill: #d5d8de; } .grid { stroke: #32363d; }
    .forward { stroke: #f08c4a; } .central { stroke: #6db3f2; } .chosen { stroke: #5fd08a; }
    .forward-text { fill: #f08c4a; } .central-text { fill: #6db3f2; } .chosen-text { fill: #5fd08a; }
  }
</style>
<text x="20" y="24" font-weight="bold">)",
      title, "</text>\n", marks, line("forward", [](const Point& p) { return p.forward; }),
      line("central", [](const Point& p) { return p.central; }), "<circle class=\"chosen\" cx=\"", chosen_x,
      "\" cy=\"", chosen_y, "\" r=\"6\"/>\n<text x=\"", (left + right) / 2, "\" y=\"", bottom + 44,
      "\" text-anchor=\"middle\">step h</text>\n<text transform=\"translate(18 ", (top + bottom) / 2,
      ") rotate(-90)\" text-anchor=\"middle\">relative error of the difference</text>\n<text x=\"", left,
      "\" y=\"", bottom + 62,
      "\"><tspan class=\"forward-text\">\u2014 forward difference</tspan><tspan dx=\"24\" "
      "class=\"central-text\">\u2014 central "
      "difference</tspan><tspan dx=\"24\" class=\"chosen-text\">\u25cb extrapolated by "
      "gradcheck</tspan></text>\n</svg>\n");
}

}  // namespace taper
