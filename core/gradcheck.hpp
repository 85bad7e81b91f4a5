// gradcheck: a function's gradients against central differences, element by element.
#pragma once

#include <taper/core/tensor.hpp>

#include <functional>
#include <iosfwd>
#include <vector>

namespace taper {

struct GradcheckOptions {
  // The largest error that passes, relative to the larger of the two gradients' largest elements (at least
  // 1e-3).
  double tolerance = 1e-6;
  // The difference step for an element x is step * max(1, |x|).
  double step = 1e-5;
};

// What was found. ok() is what a test asks; printed, it says where the gradients differ, worst first.
struct GradcheckReport {
  struct Element {
    std::size_t argument;  // which input
    Shape index;           // which of its elements
    double analytic;       // from the tape
    double numeric;        // from the central difference
    double error;          // |analytic - numeric| / scale, see GradcheckOptions::tolerance
  };
  std::vector<Element> elements;  // every element that was compared, the largest error first
  std::vector<Element> kinks;     // left out: the one-sided differences disagree, so there is no derivative
  double tolerance = 0;

  bool ok() const { return elements.empty() || elements.front().error <= tolerance; }
};
std::ostream& operator<<(std::ostream& out, const GradcheckReport& report);

using MultiFunction = std::function<Tensor(const std::vector<Tensor>&)>;
using Function = std::function<Tensor(const Tensor&)>;

// Compares the vector-Jacobian product v^T df/dx, for one random v of f's shape, with
//   (v . f(x + h e_i) - v . f(x - h e_i)) / 2h   for every element i of every input.
// An element counts as a kink where the two one-sided differences disagree and don't come closer with a
// smaller step. Throws where an input is not float64 (float32 has too few digits for differences), and what f
// throws.
GradcheckReport gradcheck(const MultiFunction& f, const std::vector<Tensor>& inputs,
                          const GradcheckOptions& options = {});
GradcheckReport gradcheck(const Function& f, const Tensor& input, const GradcheckOptions& options = {});

// The same for the second derivatives: gradchecks the map (x, v) -> v^T df/dx, whose last argument in the
// report is v.
GradcheckReport gradgradcheck(const MultiFunction& f, const std::vector<Tensor>& inputs,
                              const GradcheckOptions& options = {});
GradcheckReport gradgradcheck(const Function& f, const Tensor& input, const GradcheckOptions& options = {});

}  // namespace taper
