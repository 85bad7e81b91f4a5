// gradcheck: gradients against differences of the function itself, for anything that has a gradient.
//
// docs/gradcheck.md takes a reader from "my gradient is wrong" to the wrong term.
#pragma once

#include "../tensor.hpp"
#include "report.hpp"

#include <functional>
#include <string>
#include <vector>

namespace taper {

struct GradcheckOptions {
  // The relative error of one element that passes, on top of the estimated error of its difference.
  double tolerance = 1e-6;
  // What random cotangents, directions and samples are drawn from.
  std::uint64_t seed = 1;
  // Inputs of more elements than this, all together, are compared along random directions, whose number does
  // not grow with the inputs; if a direction is off, bisection finds an element. Smaller inputs are compared
  // element by element.
  std::int64_t max_elements = 2048;
  // For a float32 function: by how many roundings its gradients may differ from its own float64 ones.
  double float32_roundings = 32;
  // Called now and then with how much of the work is done, in [0, 1]. If it is not given and the check takes
  // longer than a second, a line on stderr shows it if that is a terminal.
  std::function<void(double)> progress = {};
  // What the report calls the arguments; "argument 0", … if it is empty.
  std::vector<std::string> names = {};
};

using Function = std::function<Tensor(const Tensor&)>;
using MultiFunction = std::function<Tensor(const std::vector<Tensor>&)>;
using ManyFunction = std::function<std::vector<Tensor>(const std::vector<Tensor>&)>;

// Compares the vector-Jacobian product v^T df/dx of the tape with differences of v . f, for
// random v of f's shape with both signs and zeros, in every element of every input (or along
// directions: GradcheckOptions::max_elements).
//
// - Each difference is extrapolated from steps of many sizes (Ridders, 1982) and has an estimate of its own
//   error: truncation, rounding, noise of f. What lies outside of it, and of the tolerance, is wrong.
// - At a kink the tape's value has to lie between the one-sided derivatives.
// - f is called twice, backward twice: the same bits have to come. f may not change its inputs.
// - The product has to be linear in v: v - 2u against v and u.
//
// The inputs are changed in place and come back bit for bit, also if f throws, so that f may read them
// elsewhere: gradcheck([&](auto&) { return loss(model(x)); }, model.parameters()) checks the model.
// (nn/gradcheck.hpp has that with the parameters' names.) float32 inputs: f is compared at float64
// copies of them, which f has to take from its argument, and then its float32 gradients with its float64
// ones, in roundings.
//
// f may have several results, of any dtype. Throws if an input or a result is an empty handle, and what f and
// its backward throw: a vector-Jacobian product of a wrong shape is an error that names op and argument.
GradcheckReport gradcheck(const ManyFunction& f, const std::vector<Tensor>& inputs,
                          const GradcheckOptions& options = {});
GradcheckReport gradcheck(const MultiFunction& f, const std::vector<Tensor>& inputs,
                          const GradcheckOptions& options = {});
GradcheckReport gradcheck(const Function& f, const Tensor& input, const GradcheckOptions& options = {});

// The same for the second derivatives: checks the map (x, v) -> v^T df/dx, whose last argument in the report
// is v, and that the Hessian of v . f is symmetric: w1^T H w2 = w2^T H w1.
GradcheckReport gradgradcheck(const MultiFunction& f, const std::vector<Tensor>& inputs,
                              const GradcheckOptions& options = {});
GradcheckReport gradgradcheck(const Function& f, const Tensor& input, const GradcheckOptions& options = {});

// The same for a plain C++ function and its hand-written gradient, which has to have x's size.
GradcheckReport gradcheck(const std::function<double(const std::vector<double>&)>& f,
                          const std::function<std::vector<double>(const std::vector<double>&)>& gradient,
                          const std::vector<double>& x, const GradcheckOptions& options = {});

}  // namespace taper
