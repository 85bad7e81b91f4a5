// sort, top_k: y_i = x[indices[i]]; dx = dy at the places that were picked, 0 elsewhere.
#include "sort.hpp"

#include "../../core/fail.hpp"
#include "../kernels/reduction/order.hpp"
#include "../layout/gather.hpp"
#include "../layout/reshape.hpp"

#include <utility>
#include <vector>

namespace taper {
namespace {

Sorted first_of_order(const Tensor& x, int axis, bool descending, std::int64_t count) {
  const kernels::AxisView view(x.shape(), axis);
  std::vector<std::int64_t> places = kernels::sorted_places(descending, count, view, x), flat(places.size());
  std::size_t i = 0;
  for (std::int64_t o = 0; o < view.outer; ++o) {
    for (std::int64_t rank = 0; rank < count; ++rank) {
      for (std::int64_t c = 0; c < view.inner; ++c, ++i)
        flat[i] = (o * view.length + places[i]) * view.inner + c;
    }
  }
  Shape shape = x.shape();
  shape[axis] = count;
  return {gather(reshape(x, {x.size()}), Indices(std::move(flat), shape)), Indices(std::move(places), shape)};
}

}  // namespace

Sorted sort(const Tensor& x, int axis, bool descending) {
  check_given("sort", "x", x);
  const int a = checked_axis("sort", "axis", axis, x.shape());
  return first_of_order(x, a, descending, x.extent(a));
}

Sorted top_k(const Tensor& x, std::int64_t k, int axis) {
  check_given("top_k", "x", x);
  const int a = checked_axis("top_k", "axis", axis, x.shape());
  if (k < 0 || k > x.extent(a))
    fail("top_k", "k must be from 0 to the ", x.extent(a), " elements along axis ", axis, ", got ", k,
         " for x of shape ", x.shape());
  return first_of_order(x, a, true, k);
}

}  // namespace taper
