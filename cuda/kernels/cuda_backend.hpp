// CudaBackend: the CUDA device's kernels. Its functions stand in the folders of their families.
#pragma once

#include "../../ops/kernels/backend.hpp"

namespace taper::cuda {

class CudaBackend final : public kernels::Backend {
 public:
  // elementwise/map.cu; reduction/reduce.cu, log_sum_exp.cu, cumsum.cu, extremes.cu
  void map(const kernels::MapCall& call, Tensor& y) const override;
  void reduce(kernels::Reduction what, const kernels::ReducePlan& plan, const Tensor& x,
              Tensor& y) const override;
  void log_sum_exp(const Tensor& x, Tensor& y) const override;
  void cumsum(const kernels::AxisView& view, bool is_reversed, const Tensor& x, Tensor& y) const override;
  void find_extremes(bool smallest, const kernels::AxisView& view, const Tensor& x,
                     const internal::Array<std::int64_t>& places) const override;

  // layout/layout.cu, layout/gather.cu
  void copy_strided(const kernels::StridedCopy& call, const Tensor& x, Tensor& y) const override;
  void add_strided(const kernels::StridedCopy& call, const Tensor& x, Tensor& y) const override;
  void swap_axes(const kernels::SwapExtents& extents, const Tensor& x, Tensor& y) const override;
  void gather(const kernels::AxisView& view, const Indices& indices, const Tensor& x,
              Tensor& y) const override;
  void scatter_add(const kernels::AxisView& view, const Indices& indices, const Tensor& dy,
                   Tensor& dx) const override;

  // product/product.cu
  void multiply(const kernels::ProductCall& call, const Tensor& a, const Tensor& b, const Tensor* bias,
                Tensor& c) const override;

  // convolution/conv2d.cu, convolution/pool2d.cu
  void convolve(const kernels::Convolution& call, const Tensor& x, const Tensor& weight, const Tensor* bias,
                Tensor& y) const override;
  void convolve_dx(const kernels::Convolution& call, const Tensor& dy, const Tensor& weight,
                   Tensor& dx) const override;
  void convolve_dweight(const kernels::Convolution& call, const Tensor& x, const Tensor& dy,
                        Tensor& dweight) const override;
  void pick_largest(const kernels::Pooling& call, const Tensor& x, const Tensor& z, Tensor& y) const override;
  void spread_to_largest(const kernels::Pooling& call, const Tensor& x, const Tensor& dy,
                         Tensor& dx) const override;
  void average_windows(const kernels::Pooling& call, const Tensor& x, Tensor& y) const override;
  void spread_evenly(const kernels::Pooling& call, const Tensor& dy, Tensor& dx) const override;

  // softmax/rows.cu, norm/normalize.cu, attention/rotary.cu, softmax/cross_entropy.cu
  void map_rows(kernels::RowFunction function, std::int64_t k, double alpha, const kernels::AxisView& view,
                const Tensor& x, Tensor& y) const override;
  void center_rows(const kernels::AxisView& view, double exponent, const Tensor& g, const Tensor& p,
                   Tensor& out) const override;
  void normalize(const kernels::Normalization& which, const Tensor& x, const Tensor& gain, const Tensor* bias,
                 Tensor& y, Tensor& moments) const override;
  void normalize_dx(const kernels::Normalization& which, const Tensor& dy, const Tensor& x,
                    const Tensor& gain, const Tensor& moments, Tensor& dx) const override;
  void normalize_dgain(const kernels::Normalization& which, const Tensor& dy, const Tensor& x,
                       const Tensor& moments, Tensor& dgain) const override;
  void rotary_table(std::int64_t first_position, double base, Tensor& table) const override;
  void rotate(const Tensor& x, const Tensor& table, int direction, Tensor& y) const override;
  void cross_entropy(const kernels::CrossEntropyCall& call, const Tensor& logits, Tensor& totals,
                     Tensor& loss) const override;
  void cross_entropy_vjp(const kernels::CrossEntropyCall& call, const Tensor& dloss, const Tensor& logits,
                         const Tensor& totals, Tensor& dz) const override;

  // attention/select_keys.cu, attention/transpose_pattern.cu, attention/sparse_pattern.cu
  bool select_keys(const Tensor& queries, const Tensor& keys, double scale,
                   const kernels::Visibility& visibility, kernels::SparsePattern& pattern,
                   Tensor& p) const override;
  void transpose_pattern(const kernels::SparsePattern& pattern,
                         kernels::SparsePattern::Transposed& transposed) const override;
  void gather_rows(const kernels::SparsePattern& pattern, const Tensor& weights, const Tensor& x,
                   Tensor& y) const override;
  void scatter_rows(const kernels::SparsePattern& pattern, const Tensor& weights, const Tensor& x,
                    Tensor& y) const override;
  void dot_products(const kernels::SparsePattern& pattern, const Tensor& x, const Tensor& y,
                    Tensor& result) const override;
  void centered(const kernels::SparsePattern& pattern, const Tensor& weights, double factor,
                Tensor& result) const override;

  // optim/updates.cu
  void adam(const kernels::AdamStep<double>& step, const Tensor& g, Tensor& m, Tensor& v,
            Tensor& p) const override;
  void sgd(const kernels::SgdStep& step, const Tensor& g, Tensor* v, Tensor& p) const override;
  void rms_prop(const kernels::RmsPropStep& step, const Tensor& g, Tensor& v, Tensor& p) const override;
};

}  // namespace taper::cuda
