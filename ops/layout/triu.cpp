// triu: y_ij = x_ij for j - i >= diagonal, else 0; tril for j - i <= diagonal. dx = the same triangle of dy.
#include "triu.hpp"

#include "../../core/create.hpp"
#include "../../core/fail.hpp"
#include "../../core/record.hpp"
#include "../kernels/elementwise/elementwise.hpp"
#include "../kernels/elementwise/functions.hpp"

#include <algorithm>

namespace taper {
namespace {

// The elements with sign (j - i) >= sign diagonal, and 0 in place of the others.
Tensor triangle(const char* op, const Tensor& x, std::int64_t diagonal, double sign) {
  if (check_given(op, "x", x).rank() < 2) fail(op, "x must have at least two axes, got shape ", x.shape());
  const std::int64_t rows = x.extent(-2), columns = x.extent(-1);
  const auto start = static_cast<double>(std::clamp(diagonal, -rows, columns));
  const auto counted = [&](double from, std::int64_t count, const Shape& shape) {
    return arange(sign * from, sign * (from + static_cast<double>(count)), sign, x.kind()).view(shape);
  };
  return kernels::map(op, x, counted(start, rows, {rows, 1}), counted(0, columns, {columns}),
                      kernels::functions::KeepFrom());
}

}  // namespace

Tensor triu(const Tensor& x, std::int64_t diagonal) {
  return record("triu", triangle("triu", x, diagonal, 1),
                vjp(x, [diagonal](const Tensor& dy) { return triu(dy, diagonal); }));
}

Tensor tril(const Tensor& x, std::int64_t diagonal) {
  return record("tril", triangle("tril", x, diagonal, -1),
                vjp(x, [diagonal](const Tensor& dy) { return tril(dy, diagonal); }));
}

}  // namespace taper
