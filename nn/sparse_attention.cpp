// SparseAttention: the composition.
#include <taper/core/create.hpp>
#include <taper/core/fail.hpp>
#include <taper/nn/sparse_attention.hpp>
#include <taper/ops/bmm.hpp>
#include <taper/ops/mul.hpp>
#include <taper/ops/sparse_softmax.hpp>
#include <taper/ops/transpose.hpp>
#include <taper/ops/where.hpp>

#include <limits>

namespace taper::nn {

SparseAttention::SparseAttention(std::int64_t k, const SparseAttentionOptions& options)
    : k_(k), options_(options) {
  if (k < 1) fail("SparseAttention", "k must be at least 1, got ", k);
}

Tensor SparseAttention::scores(const Tensor& queries, const Tensor& keys, const Tensor& values) const {
  const auto wrong = [&](const char* what) {
    fail("SparseAttention", what, ": queries are ", queries.dtype(), " ", queries.shape(), ", keys ",
         keys.dtype(), " ", keys.shape(), ", values ", values.dtype(), " ", values.shape());
  };
  if (queries.rank() != 3 || keys.rank() != 3 || values.rank() != 3) wrong("wanted three tensors of rank 3");
  if (queries.dtype() != keys.dtype() || keys.dtype() != values.dtype()) wrong("dtypes differ");
  if (queries.extent(0) != keys.extent(0) || keys.extent(0) != values.extent(0)) wrong("batch sizes differ");
  if (queries.extent(2) != keys.extent(2)) wrong("queries and keys differ in their last extent");
  if (keys.extent(1) != values.extent(1)) wrong("keys and values differ in number");
  const Tensor products = bmm(queries, transpose(keys, 1, 2));
  return options_.scale == 1 ? products : products * options_.scale;
}

Tensor SparseAttention::attend(const Tensor& scores, const Tensor& values) const {
  return bmm(sparse_softmax(scores, k_), values);
}

Tensor SparseAttention::operator()(const Tensor& queries, const Tensor& keys, const Tensor& values) const {
  return attend(scores(queries, keys, values), values);
}

Tensor SparseAttention::operator()(const Tensor& queries, const Tensor& keys, const Tensor& values,
                                   const Tensor& mask) const {
  const Tensor all = scores(queries, keys, values);
  if (!broadcasts_to(mask.shape(), all.shape())) {
    fail("SparseAttention", "mask must broadcast to (batch, queries, keys) = ", all.shape(), ", got ",
         mask.shape());
  }
  return attend(where(mask, all, scalar_like(-std::numeric_limits<double>::infinity(), all)), values);
}

}  // namespace taper::nn
