// logsumexp: y = log(sum e^x); dx = dy softmax(x).
#include "logsumexp.hpp"

#include "../../core/record.hpp"
#include "../elementwise/mul.hpp"
#include "../kernels/reduction/log_sum_exp.hpp"
#include "../kernels/reduction/reduce.hpp"
#include "../layout/reshape.hpp"
#include "../layout/transpose.hpp"
#include "../softmax/softmax.hpp"

#include <algorithm>

namespace taper {
namespace {

// x as (outer, n, inner), of which n is what is reduced: the marked axes if they are neighbours, else they become the
// last ones.
Tensor with_one(const Tensor& x, const Shape& marked) {
  const std::int64_t *const begin = marked.begin(), *const end = marked.end();
  const auto first = static_cast<int>(std::find(begin, end, 1) - begin);
  const auto after = static_cast<int>(std::find(begin + first, end, 0) - begin);
  const bool are_neighbours = std::find(begin + after, end, 1) == end;
  Tensor y = x;
  Shape extents{1, 1, 1};
  int kept = 0;
  for (int axis = 0; axis < x.rank(); ++axis) {
    const int place = marked[axis] ? 1 : are_neighbours && axis >= after ? 2 : 0;
    extents[place] *= x.shape()[axis];
    if (marked[axis]) continue;
    // A marked axis makes room: those that are kept stay in their order.
    if (!are_neighbours && axis != kept) y = transpose(y, axis, kept);
    ++kept;
  }
  return reshape(y, extents);
}

Tensor over_middle(const Tensor& x) {
  return record("logsumexp", kernels::log_sum_exp("logsumexp", x), vjp(x, [x](const Tensor& dy) {
                  return reshape(dy, {x.extent(0), 1, x.extent(2)}) * softmax(x, 1);
                }));
}

}  // namespace

Tensor logsumexp(const Tensor& x, const Axes& axes, bool keepdims) {
  check_given("logsumexp", "x", x);
  const Shape reduced = axes.reduced("logsumexp", x.shape());
  return reshape(over_middle(with_one(x, reduced)),
                 kernels::plan_reduction(x.shape(), reduced, keepdims).result);
}

}  // namespace taper
