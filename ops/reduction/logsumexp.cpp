// logsumexp: y = log(sum e^x); dx = dy softmax(x).
#include "logsumexp.hpp"

#include "../../core/record.hpp"
#include "../elementwise/mul.hpp"
#include "../kernels/reduction/log_sum_exp.hpp"
#include "../kernels/reduction/reduce.hpp"
#include "../layout/reshape.hpp"
#include "../layout/transpose.hpp"
#include "../softmax/softmax.hpp"

namespace taper {
namespace {

// x with the marked axes as one, the last.
Tensor with_last(const Tensor& x, const Shape& marked) {
  Tensor y = x;
  int kept = 0;
  std::int64_t size = 1;
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (marked[axis]) continue;
    // A marked axis makes room: those that are kept stay in their order.
    if (axis != kept) y = transpose(y, axis, kept);
    ++kept;
  }
  for (int axis = kept; axis < y.rank(); ++axis) size *= y.shape()[axis];
  Shape rows = Shape::filled(kept + 1, size);
  for (int axis = 0; axis < kept; ++axis) rows[axis] = y.shape()[axis];
  return reshape(y, rows);
}

Tensor of_rows(const Tensor& x) {
  Shape column = x.shape();
  column[x.rank() - 1] = 1;
  return record("logsumexp", kernels::log_sum_exp("logsumexp", x),
                vjp(x, [x, column](const Tensor& dy) { return reshape(dy, column) * softmax(x); }));
}

}  // namespace

Tensor logsumexp(const Tensor& x, const Axes& axes, bool keepdims) {
  check_given("logsumexp", "x", x);
  const Shape reduced = axes.reduced("logsumexp", x.shape());
  return reshape(of_rows(with_last(x, reduced)),
                 kernels::plan_reduction(x.shape(), reduced, keepdims).result);
}

}  // namespace taper
