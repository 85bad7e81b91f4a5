// sparse_matmul:   y = x W^T; dx = dy W, dvalues = (dy^T x at the places).
// sampled_matmul:  v = (a^T b at the places); da = b V^T, db = a V.
// sparse_to_dense: W; dvalues = dW at the places.
#include "sparse_matmul.hpp"

#include "../../core/fail.hpp"
#include "../../core/record.hpp"
#include "../kernels/elementwise/elementwise.hpp"
#include "../kernels/layout/gather.hpp"
#include "../kernels/product/sparse_product.hpp"
#include "../layout/gather.hpp"
#include "../layout/reshape.hpp"

namespace taper {
namespace {

void check_places(const char* op, const CompressedRows& places) {
  if (!places) fail(op, "places is an empty handle");
}
void check_values(const char* op, const CompressedRows& places, const Tensor& values) {
  check_places(op, places);
  if (!(values.shape() == Shape{places.size()}))
    fail(op, "values must be ", Shape{places.size()}, ", one for each place, got ", values.shape());
}

// The same for a matrix x.
Tensor multiply_matrix(const Tensor& x, const CompressedRows& places, const Tensor& values, bool transposed) {
  return record("sparse_matmul", kernels::sparse_product("sparse_matmul", x, places, values, transposed),
                vjp(x, [=](const Tensor& dy) { return multiply_matrix(dy, places, values, !transposed); }),
                vjp(values, [=](const Tensor& dy) {
                  return transposed ? sampled_matmul(x, dy, places) : sampled_matmul(dy, x, places);
                }));
}

}  // namespace

Tensor sparse_matmul(const Tensor& x, const CompressedRows& places, const Tensor& values, bool transposed) {
  constexpr const char* op = "sparse_matmul";
  check_given(op, "x", x, "values", values);
  check_values(op, places, values);
  kernels::common_kind(op, x, values);
  const std::int64_t inputs = transposed ? places.rows() : places.columns();
  if (x.rank() == 0 || x.extent(-1) != inputs) {
    fail(op, "x must be (…, ", inputs, ") for the ", transposed ? "transposed " : "", "matrix ",
         Shape{places.rows(), places.columns()}, ", got ", x.shape());
  }
  Shape shape = x.shape();
  shape[x.rank() - 1] = 1;
  const Shape matrix{element_count(op, shape), inputs};
  shape[x.rank() - 1] = transposed ? places.columns() : places.rows();
  return reshape(multiply_matrix(reshape(x, matrix), places, values, transposed), shape);
}

Tensor sampled_matmul(const Tensor& a, const Tensor& b, const CompressedRows& places) {
  constexpr const char* op = "sampled_matmul";
  check_given(op, "a", a, "b", b);
  check_places(op, places);
  kernels::common_kind(op, a, b);
  if (a.rank() != 2 || b.rank() != 2 || a.extent(0) != b.extent(0) || a.extent(1) != places.rows() ||
      b.extent(1) != places.columns()) {
    fail(op, "wanted a (r, ", places.rows(), ") and b (r, ", places.columns(), "), got ", a.shape(), " and ",
         b.shape());
  }
  return record(op, kernels::sampled_product(op, a, b, places),
                vjp(a, [=](const Tensor& dv) { return sparse_matmul(b, places, dv); }),
                vjp(b, [=](const Tensor& dv) { return sparse_matmul(a, places, dv, true); }));
}

Tensor sparse_to_dense(const CompressedRows& places, const Tensor& values) {
  constexpr const char* op = "sparse_to_dense";
  check_given(op, "values", values);
  check_values(op, places, values);
  const Tensor flat =
      kernels::scatter_add(op, values, places.places(), 0, {places.rows() * places.columns()});
  return record(op, flat.view({places.rows(), places.columns()}), vjp(values, [=](const Tensor& dw) {
                  return gather(reshape(dw, {dw.size()}), places.places());
                }));
}

}  // namespace taper
