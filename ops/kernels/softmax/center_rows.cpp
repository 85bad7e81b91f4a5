// center_rows: the CPU's loop over rows.
#include "center_rows.hpp"

#include "../elementwise/elementwise.hpp"
#include "entmax_row.hpp"
#include "largest.hpp"
#include "rows.hpp"

#include <algorithm>

namespace taper::kernels {

Tensor center_rows(const char* op, int axis, const Tensor& g, const Tensor& p, double exponent) {
  common_kind(op, g, p);
  if (const Backend* backend = backend_of(g)) {
    Tensor out = Tensor::uninitialized(op, g.shape(), g.kind());
    backend->center_rows(AxisView(g.shape(), axis), exponent, g, p, out);
    return out;
  }
  const auto kernel = [exponent, stores = stores_for(p)]<class T>(std::int64_t n, const T* g_row,
                                                                  const T* p_row, T* out) {
    if (n > 0 && p_row[0] != p_row[0]) return static_cast<void>(std::copy_n(p_row, n, out));
    if (exponent == 0) return center_row(g_row, p_row, n, out, stores);
    center_row_by_power(g_row, p_row, n, exponent, out);
  };
  return map_rows(op, axis, kernel, g, p);
}

}  // namespace taper::kernels
