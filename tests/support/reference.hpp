// Arrays and plain loops for the reference values of the ops. Nothing here calls the library's kernels: an
// element is computed from its multi-index, one at a time.
#pragma once

#include <taper/core/tensor.hpp>

#include <cstdint>
#include <functional>
#include <vector>

namespace taper::test {

using Index = std::vector<std::int64_t>;

// A row-major array of doubles.
struct Array {
  Shape shape;
  std::vector<double> values;
};
Array array_of(const Tensor& tensor);

// Computes what an op returns from what it is given.
using Reference = std::function<Array(const std::vector<Array>&)>;

// The array whose element at each multi-index is element(index).
Array build(const Shape& shape, const std::function<double(const Index&)>& element);

double at(const Array& array, const Index& index);
// The element that NumPy's broadcasting puts at `index` of a larger array.
double at_broadcast(const Array& array, const Index& index);
// The shape that the arrays broadcast to.
Shape common_shape(const std::vector<Array>& arrays);

// y_i = f(x_i) and y_i = f(a_i, b_i), broadcast.
Reference pointwise(double (*f)(double));
Reference pointwise(double (*f)(double, double));

using Row = std::vector<double>;
// f applied to each row along an axis (not negative).
Reference rowwise(int axis, std::function<Row(const Row&)> f);
// f folded from each set of elements that agree in the axes which are kept (all axes not marked).
Reference reduction(std::vector<bool> reduced, bool keepdims, std::function<double(const Row&)> f);

// The indices of the min(k, n) largest elements that are not -inf, found one after the other, ties
// by lowest index.
std::vector<std::size_t> largest(const Row& row, std::int64_t k);

// The three sparse softmaxes of docs/ops/sparse_softmax.md, for rows of finite numbers or -inf.
Row sparse_softmax_row(const Row& z, std::int64_t k);
Row as_written_row(const Row& z, std::int64_t k);
Row topk_softmax_row(const Row& z, std::int64_t k);
// entmax of docs/ops/entmax.md, 1 <= alpha <= 2, for the same rows: theta by bisection, in long double.
Row entmax_row(const Row& z, double alpha, std::int64_t k);

}  // namespace taper::test
