// Backend: the kernels of a device other than the CPU, as one table. The CPU's loops stand in the folders
// beside this file, in functions that ask backend_of() first. No op and no module asks where a tensor lies.
#pragma once

#include "../../core/indices.hpp"
#include "../../core/tensor.hpp"
#include "attention/sparse_pattern.hpp"
#include "optim/adam.hpp"
#include "optim/rms_prop.hpp"
#include "optim/sgd.hpp"

namespace taper::kernels {

struct AxisView;
struct Convolution;
struct Normalization;
struct Pooling;
struct ReducePlan;
struct Visibility;

// y = f(x_0, …) for 1 to 3 operands, in nested loops, outermost first. y is contiguous; each operand has a
// stride in each loop, in elements, 0 where it is broadcast. One loop of strides 1 and 0 is the usual case.
struct MapCall {
  int function;  // which of Functions (functions.hpp)
  int operands;
  const Tensor* x[3];
  Shape extents;
  Shape strides[3];
};

// For each position (i_0, i_1, …) within the extents, in elements:
//   out[to.offset + i_0 to.strides[0] + …] = in[from.offset + i_0 from.strides[0] + …]
struct StridedCopy {
  struct Side {
    std::int64_t offset;
    Shape strides;  // which may be negative
  };
  Shape extents;
  Side from, to;
};

// x is (outer, rows, middle, columns, inner); y is (outer, columns, middle, rows, inner).
struct SwapExtents {
  std::int64_t outer = 1, rows = 1, middle = 1, columns = 1, inner = 1;
};

// C = op(A) op(B) + bias for `batch` matrices op(A) (m, k), op(B) (k, n).
struct ProductCall {
  bool transpose_a, transpose_b;
  std::int64_t batch, m, n, k;
};

enum class Reduction { sum, product, max, min, sum_of_squares };
enum class RowFunction {
  softmax,
  log_softmax,
  topk_softmax,
  sparse_softmax,
  sparse_softmax_as_written,
  tau_gradient,
  entmax
};

// What cross_entropy's kernels need besides the logits: see cross_entropy.hpp.
struct CrossEntropyCall {
  Indices labels;
  std::int64_t ignored_label;
  double label_smoothing;
  std::int64_t counted;  // rows that count
};

// All tensors of a call lie on the device and have the dtype that the call is about; results are allocated by
// the caller, and nothing has been written to them. Sizes may be 0. Each kernel computes what the CPU
// function or op of the same name computes, edges included. Sums of float32 run in float64. Nothing waits for
// the device, and every result is the same in every run, bit for bit.
class Backend {
 public:
  virtual ~Backend() = default;

  // Elements.
  virtual void map(const MapCall& call, Tensor& y) const = 0;
  // For sum_of_squares y is float64.
  virtual void reduce(Reduction what, const ReducePlan& plan, const Tensor& x, Tensor& y) const = 0;
  // x is (rows, n), y (rows), and n > 0.
  virtual void log_sum_exp(const Tensor& x, Tensor& y) const = 0;
  // Along the view's axis, from its end if it is reversed.
  virtual void cumsum(const AxisView& view, bool is_reversed, const Tensor& x, Tensor& y) const = 0;
  // For each of the view's outer * inner rows, none of them empty, the place of its first largest or smallest
  // element, of its first NaN if it has one.
  virtual void find_extremes(bool smallest, const AxisView& view, const Tensor& x,
                             const internal::Array<std::int64_t>& places) const = 0;

  // Layout.
  virtual void copy_strided(const StridedCopy& call, const Tensor& x, Tensor& y) const = 0;
  virtual void add_strided(const StridedCopy& call, const Tensor& x, Tensor& y) const = 0;
  virtual void swap_axes(const SwapExtents& extents, const Tensor& x, Tensor& y) const = 0;
  // y(o, i, r) = x(o, indices[i], r) on the view's axis, and its adjoint: each place of dx is the sum, in
  // ascending order of i, of what was picked from it; 0 if nothing was.
  virtual void gather(const AxisView& view, const Indices& indices, const Tensor& x, Tensor& y) const = 0;
  virtual void scatter_add(const AxisView& view, const Indices& indices, const Tensor& dy,
                           Tensor& dx) const = 0;

  // Products. bias, of n elements, may be null.
  virtual void multiply(const ProductCall& call, const Tensor& a, const Tensor& b, const Tensor* bias,
                        Tensor& c) const = 0;

  // Convolution and pooling: conv2d.hpp, pool2d.hpp. bias may be null.
  virtual void convolve(const Convolution& call, const Tensor& x, const Tensor& weight, const Tensor* bias,
                        Tensor& y) const = 0;
  virtual void convolve_dx(const Convolution& call, const Tensor& dy, const Tensor& weight,
                           Tensor& dx) const = 0;
  virtual void convolve_dweight(const Convolution& call, const Tensor& x, const Tensor& dy,
                                Tensor& dweight) const = 0;
  virtual void pick_largest(const Pooling& call, const Tensor& x, const Tensor& z, Tensor& y) const = 0;
  virtual void spread_to_largest(const Pooling& call, const Tensor& x, const Tensor& dy,
                                 Tensor& dx) const = 0;
  virtual void average_windows(const Pooling& call, const Tensor& x, Tensor& y) const = 0;
  virtual void spread_evenly(const Pooling& call, const Tensor& dy, Tensor& dx) const = 0;

  // Rows along an axis. k is for the sparse ones, alpha for entmax.
  virtual void map_rows(RowFunction function, std::int64_t k, double alpha, const AxisView& view,
                        const Tensor& x, Tensor& y) const = 0;
  virtual void center_rows(const AxisView& view, double exponent, const Tensor& g, const Tensor& p,
                           Tensor& out) const = 0;
  virtual void normalize(const Normalization& which, const Tensor& x, const Tensor& gain, const Tensor* bias,
                         Tensor& y, Tensor& moments) const = 0;
  virtual void normalize_dx(const Normalization& which, const Tensor& dy, const Tensor& x, const Tensor& gain,
                            const Tensor& moments, Tensor& dx) const = 0;
  virtual void normalize_dgain(const Normalization& which, const Tensor& dy, const Tensor& x,
                               const Tensor& moments, Tensor& dgain) const = 0;
  // table is (n, pairs, 2): the cosine and sine of each pair's angle at each position. y is x with each pair
  // turned by its angle times `direction`, 1 or -1.
  virtual void rotary_table(std::int64_t first_position, double base, Tensor& table) const = 0;
  virtual void rotate(const Tensor& x, const Tensor& table, int direction, Tensor& y) const = 0;
  // totals is (rows, 2), as the CPU keeps it; loss has one element.
  virtual void cross_entropy(const CrossEntropyCall& call, const Tensor& logits, Tensor& totals,
                             Tensor& loss) const = 0;
  virtual void cross_entropy_vjp(const CrossEntropyCall& call, const Tensor& dloss, const Tensor& logits,
                                 const Tensor& totals, Tensor& dz) const = 0;

  // Sparse attention: sparse_pattern.hpp, select_keys.hpp. select_keys returns Selection::mask_is_right.
  virtual bool select_keys(const Tensor& queries, const Tensor& keys, double scale,
                           const Visibility& visibility, SparsePattern& pattern, Tensor& p) const = 0;
  virtual void transpose_pattern(const SparsePattern& pattern,
                                 SparsePattern::Transposed& transposed) const = 0;
  virtual void gather_rows(const SparsePattern& pattern, const Tensor& weights, const Tensor& x,
                           Tensor& y) const = 0;
  virtual void scatter_rows(const SparsePattern& pattern, const Tensor& weights, const Tensor& x,
                            Tensor& y) const = 0;
  virtual void dot_products(const SparsePattern& pattern, const Tensor& x, const Tensor& y,
                            Tensor& result) const = 0;
  virtual void centered(const SparsePattern& pattern, const Tensor& weights, double factor,
                        Tensor& result) const = 0;

  // Updates in place.
  virtual void adam(const AdamStep<double>& step, const Tensor& g, Tensor& m, Tensor& v, Tensor& p) const = 0;
  // Without momentum v is null.
  virtual void sgd(const SgdStep& step, const Tensor& g, Tensor* v, Tensor& p) const = 0;
  virtual void rms_prop(const RmsPropStep& step, const Tensor& g, Tensor& v, Tensor& p) const = 0;
};

// The kernels of the device; null for the CPU.
const Backend* backend_of(Device device);
inline const Backend* backend_of(const Tensor& x) { return backend_of(x.device()); }

// The CUDA device's kernels, for every tensor that lies on one. Defined in cuda/.
const Backend& cuda_backend();

}  // namespace taper::kernels
