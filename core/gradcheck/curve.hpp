// StepCurve: for one element, the error of a difference against its step: the V that shows why the step has
// to be chosen with care.
#pragma once

#include "gradcheck.hpp"

#include <string>
#include <vector>

namespace taper {

struct StepCurve {
  struct Point {
    double step;
    double forward;  // (f(x + h) - f(x)) / h
    double central;  // (f(x + h) - f(x - h)) / 2h
  };
  std::vector<Point> points;       // the largest step first; points at which f is not finite are left out
  double analytic = 0;             // from the tape
  GradcheckReport::Element found;  // what gradcheck makes of it: value, estimate, step
  std::string title;

  // A picture of |difference - analytic| against the step, both logarithmic, with the step that gradcheck
  // chose: an SVG document of 720 x 440 that needs nothing else, for light and dark backgrounds.
  std::string svg() const;
};

// The curve of v . f in element `index` of `inputs[argument]`, for the v that gradcheck draws first. Throws
// if there is no such element, and as gradcheck does.
StepCurve step_curve(const MultiFunction& f, const std::vector<Tensor>& inputs, std::size_t argument,
                     const Shape& index, const GradcheckOptions& options = {});
StepCurve step_curve(const Function& f, const Tensor& input, const Shape& index,
                     const GradcheckOptions& options = {});

}  // namespace taper
