// Jacobians row by row, and Hessians as Jacobians of gradients.
#include "derivatives.hpp"

#include "create.hpp"
#include "fail.hpp"
#include "memory/device_memory.hpp"
#include "tape.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

namespace taper {
namespace {

using Function = std::function<Tensor(const Tensor&)>;

// d(v^T y)/dx, of x's shape and kind.
Tensor pulled_back(Tape& tape, const Tensor& y, const Tensor& x, const GradientOptions& options) {
  if (!Tape::tracks(y)) return zeros(x.shape(), x.kind());  // a constant
  return tape.gradient(y, {x}, options)[0];
}

// The Jacobian of y, which `tape` has recorded, with respect to its leaf x.
Tensor jacobian_of(const char* op, Tape& tape, const Tensor& y, const Tensor& x) {
  Shape shape = Shape::filled(y.rank() + x.rank(), 0);
  std::copy(x.shape().begin(), x.shape().end(), std::copy(y.shape().begin(), y.shape().end(), shape.begin()));
  const Tensor result = Tensor::uninitialized(op, shape, x.kind());
  const std::size_t row_bytes = static_cast<std::size_t>(x.size()) * size_of(x.dtype());
  std::byte* row = result.impl().data;
  std::vector<double> one_hot(static_cast<std::size_t>(y.size()));
  for (double& element : one_hot) {
    element = 1;
    const Tensor cotangent = tensor(one_hot, y.shape(), y.kind());
    element = 0;
    const Tensor dx = pulled_back(tape, y, x, {.keep_graph = true, .cotangent = cotangent});
    if (x.device().is_cpu()) {
      std::memcpy(row, dx.impl().data, row_bytes);
    } else {
      internal::device_memory(op, x.device()).copy(dx.impl().data, row, row_bytes);
    }
    row += row_bytes;
  }
  return result;
}

Tensor result_of(const char* op, const Function& f, const Tensor& x) {
  const Tensor y = f(x);
  return check_given(op, "f's result", y);
}

// The gradient of f at the leaf x, recorded so that it can be differentiated again.
Tensor gradient_at(const char* op, Tape& tape, const Function& f, const Tensor& x) {
  const Tensor y = result_of(op, f, x);
  if (y.size() != 1) fail(op, "f must return one element, got shape ", y.shape());
  return pulled_back(tape, y, x, {.create_graph = true});
}

}  // namespace

Tensor jacobian(const Function& f, const Tensor& x) {
  check_given("jacobian", "x", x);
  const Tensor leaf = x.clone().requires_grad();
  Tape tape;
  return jacobian_of("jacobian", tape, result_of("jacobian", f, leaf), leaf);
}

Tensor hessian(const Function& f, const Tensor& x) {
  check_given("hessian", "x", x);
  const Tensor leaf = x.clone().requires_grad();
  Tape tape;
  return jacobian_of("hessian", tape, gradient_at("hessian", tape, f, leaf), leaf);
}

Tensor hessian_vector_product(const Function& f, const Tensor& x, const Tensor& v) {
  constexpr const char* op = "hessian_vector_product";
  check_given(op, "x", x, "v", v);
  if (!(v.shape() == x.shape()) || v.kind() != x.kind()) {
    fail(op, "v must have x's shape, dtype and device: v is ", v.kind(), " ", v.shape(), ", x is ", x.kind(),
         " ", x.shape());
  }
  const Tensor leaf = x.clone().requires_grad();
  Tape tape;
  // v itself may be part of the result, or recorded elsewhere; a copy is neither.
  return pulled_back(tape, gradient_at(op, tape, f, leaf), leaf, {.cotangent = v.clone()});
}

}  // namespace taper
