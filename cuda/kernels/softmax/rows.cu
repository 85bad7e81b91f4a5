// Functions of rows along any axis: unless it is the last, the rows are brought side by side first.
#include "../../../ops/kernels/axis_view.hpp"
#include "../cuda_backend.hpp"
#include "row_kernels.hpp"

namespace taper::cuda {
namespace {

using kernels::AxisView;
using kernels::RowFunction;

constexpr const char* op = "map_rows";

// Calls run(rows, y, x…) with the tensors seen as rows that lie side by side, and sees to it that y is the
// result. Along another axis than the last that takes two more passes over each of them: each x is copied
// with the two inner axes swapped, and the result is swapped back.
template <class Run, class... Inputs>
void with_rows(const CudaBackend& backend, const AxisView& view, const Run& run, Tensor& y,
               const Inputs&... x) {
  const std::int64_t rows = view.outer * view.inner;
  if (view.inner == 1 || view.length == 1) return run(rows, y, x...);
  const auto swapped = [&](const Tensor& from) {
    Tensor to = Tensor::uninitialized(op, from.shape(), from.kind());
    backend.swap_axes({.outer = view.outer, .rows = view.length, .columns = view.inner}, from, to);
    return to;
  };
  Tensor result = Tensor::uninitialized(op, y.shape(), y.kind());
  run(rows, result, swapped(x)...);
  backend.swap_axes({.outer = view.outer, .rows = view.inner, .columns = view.length}, result, y);
}

}  // namespace

void CudaBackend::map_rows(RowFunction function, std::int64_t k, double alpha, const AxisView& view,
                           const Tensor& x, Tensor& y) const {
  const auto run = [&](std::int64_t rows, Tensor& to, const Tensor& from) {
    if (function == RowFunction::softmax || function == RowFunction::log_softmax) {
      softmax_rows(function == RowFunction::log_softmax, rows, view.length, from, to);
    } else {
      sparse_rows(function, k, alpha, rows, view.length, from, to);
    }
  };
  with_rows(*this, view, run, y, x);
}

void CudaBackend::center_rows(const AxisView& view, double exponent, const Tensor& g, const Tensor& p,
                              Tensor& out) const {
  const auto run = [&](std::int64_t rows, Tensor& to, const Tensor& g, const Tensor& p) {
    cuda::center_rows(rows, view.length, exponent, g, p, to);
  };
  with_rows(*this, view, run, out, g, p);
}

}  // namespace taper::cuda
