// Elementary functions, element by element, in vectors.
#pragma once

#include "elementwise.hpp"

namespace taper::kernels {

// Those of Functions that elementary.cpp has vectors for.
using ElementaryFunctions =
    FunctionList<functions::Exp, functions::Expm1, functions::Log, functions::Log1p, functions::Sin,
                 functions::Cos, functions::Erf, functions::Tanh, functions::Sigmoid, functions::Silu,
                 functions::SiluSlope, functions::Softplus, functions::LogSigmoid>;

namespace detail {
Tensor map_elementary(const char* op, int function, const Tensor& x);
}

// map(op, x, f) for one of them. On the CPU it is within 2 units in the last place, the same bits with every
// instruction set.
template <class F>
Tensor map_elementary(const char* op, const Tensor& x, F f) {
  if (x && !x.device().is_cpu()) return map(op, x, f);
  static_assert(ElementaryFunctions::index_of<F>() >= 0);
  return detail::map_elementary(op, ElementaryFunctions::index_of<F>(), x);
}

}  // namespace taper::kernels
