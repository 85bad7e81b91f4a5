// matmul: which reshapes and which product a pair of shapes takes. The ops that it calls differentiate it,
// the products in bmm.cpp.
#include "matmul.hpp"

#include "../../core/fail.hpp"
#include "../kernels/elementwise/elementwise.hpp"
#include "../layout/broadcast_to.hpp"
#include "../layout/reshape.hpp"
#include "bmm.hpp"

namespace taper {
namespace {

// leading axes followed by the given ones
Shape join(const Shape& leading, int count, std::initializer_list<std::int64_t> last) {
  Shape shape = Shape::filled(count + static_cast<int>(last.size()), 0);
  std::copy_n(leading.begin(), count, shape.begin());
  std::copy(last.begin(), last.end(), shape.begin() + count);
  return shape;
}

// The matrices of x repeated so that its leading axes are `leading`, as one batch.
Tensor as_batch(const Tensor& x, const Shape& leading, std::int64_t batch) {
  const std::int64_t rows = x.extent(-2), columns = x.extent(-1);
  return reshape(broadcast_to(x, join(leading, leading.size(), {rows, columns})), {batch, rows, columns});
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b) {
  check_given("matmul", "a", a, "b", b);
  const auto inner_of = [](const Tensor& x, int axis) {
    return x.rank() == 0 ? -1 : x.extent(x.rank() == 1 ? 0 : axis);
  };
  if (a.rank() == 0 || b.rank() == 0 || inner_of(a, -1) != inner_of(b, -2)) {
    fail("matmul",
         a.rank() == 0 || b.rank() == 0 ? "wanted at least one axis each" : "inner dimensions differ",
         ": a is ", a.shape(), ", b is ", b.shape());
  }
  kernels::common_kind("matmul", a, b);
  if (a.rank() == 2 && b.rank() == 2) return mm(a, b);
  const std::int64_t k = a.extent(-1);
  if (a.rank() == 1) {
    const Tensor y = matmul(reshape(a, {1, k}), b);  // (…, 1, n), or (1,) for a vector b
    Shape shape = join(y.shape(), y.rank() - 1, {});
    if (b.rank() > 1) shape[shape.size() - 1] = y.extent(-1);
    return reshape(y, shape);
  }
  if (b.rank() == 1) {
    const Tensor y = matmul(a, reshape(b, {k, 1}));  // (…, m, 1)
    return reshape(y, join(y.shape(), y.rank() - 1, {}));
  }
  if (b.rank() == 2) {  // one matrix for all of a's rows: a single product
    const Tensor rows =
        reshape(a, {k == 0 ? element_count("matmul", join(a.shape(), a.rank() - 1, {})) : -1, k});
    return reshape(mm(rows, b), join(a.shape(), a.rank() - 1, {b.extent(-1)}));
  }
  const Shape leading =
      broadcast_shapes("matmul", join(a.shape(), a.rank() - 2, {}), join(b.shape(), b.rank() - 2, {}));
  const std::int64_t batch = element_count("matmul", leading);
  const Tensor y = bmm(as_batch(a, leading, batch), as_batch(b, leading, batch));
  return reshape(y, join(leading, leading.size(), {y.extent(1), y.extent(2)}));
}

}  // namespace taper
