// Exponentials of a row, in vectors: what softmax, log_softmax and cross_entropy are made of.
#pragma once

#include <cstdint>

namespace taper::kernels {

// What softmax needs to know of a row x: e^(x_i - largest) / total. The total is NaN where a NaN or +inf is
// in the row, where all is -inf, and where the row has no element.
template <class T>
struct ExpTotal {
  T largest;
  double total;  // the sum of e^(x_i - largest)
};
ExpTotal<float> exp_total(const float* x, std::int64_t n);
ExpTotal<double> exp_total(const double* x, std::int64_t n);

// out_i = factor e^(x_i - shift) - offset, with shift at least the largest element. e^-inf is 0.
void exp_row(const float* x, std::int64_t n, float shift, float factor, float offset, float* out);
void exp_row(const double* x, std::int64_t n, double shift, double factor, double offset, double* out);

}  // namespace taper::kernels
