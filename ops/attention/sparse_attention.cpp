// sparse_attention: y = P V with P = sparse_softmax(scale Q K^T, k); and softmax_attention, in the same products.
// dV = P^T dy, and with g = scale (dP - its mean over the support): dQ = g K, dK = g^T Q.
//
// After the selection everything is done with the sparse matrix P alone, in products with it and along its
// pattern. Each of these is recorded, so that derivatives of any order cost no more than n k d.
#include "sparse_attention.hpp"

#include "../../core/fail.hpp"
#include "../../core/memory/transfer.hpp"
#include "../../core/record.hpp"
#include "../../core/tape/creations.hpp"
#include "../elementwise/cast.hpp"
#include "../elementwise/maximum.hpp"
#include "../elementwise/mul.hpp"
#include "../elementwise/where.hpp"
#include "../kernels/attention/select_keys.hpp"
#include "../kernels/attention/shown_pairs.hpp"
#include "../kernels/elementwise/elementwise.hpp"
#include "../kernels/elementwise/functions.hpp"
#include "../kernels/reduction/reduce.hpp"
#include "../softmax/softmax.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

namespace taper {
namespace {

using Pattern = std::shared_ptr<const kernels::SparsePattern>;

// Three bilinear maps, each the adjoint of the two others: W X, W^T X, and those elements of X Y^T that lie
// in the pattern.
Tensor scatter_rows(const Pattern& pattern, const Tensor& weights, const Tensor& x);
Tensor dot_products(const Pattern& pattern, const Tensor& x, const Tensor& y);

Tensor gather_rows(const Pattern& pattern, const Tensor& weights, const Tensor& x) {
  return record("sparse_attention", kernels::gather_rows(*pattern, weights, x),
                vjp(weights, [=](const Tensor& dy) { return dot_products(pattern, dy, x); }),
                vjp(x, [=](const Tensor& dy) { return scatter_rows(pattern, weights, dy); }));
}

Tensor scatter_rows(const Pattern& pattern, const Tensor& weights, const Tensor& x) {
  return record("sparse_attention", kernels::scatter_rows(*pattern, weights, x),
                vjp(weights, [=](const Tensor& dy) { return dot_products(pattern, x, dy); }),
                vjp(x, [=](const Tensor& dy) { return gather_rows(pattern, weights, dy); }));
}

Tensor dot_products(const Pattern& pattern, const Tensor& x, const Tensor& y) {
  return record("sparse_attention", kernels::dot_products(*pattern, x, y),
                vjp(x, [=](const Tensor& dz) { return gather_rows(pattern, dz, y); }),
                vjp(y, [=](const Tensor& dz) { return scatter_rows(pattern, dz, x); }));
}

// scale times the Jacobian of the projection, diag(s) - s s^T / m: symmetric, so it is its own adjoint.
Tensor centered(const Pattern& pattern, const Tensor& weights, double scale) {
  return record("sparse_attention", kernels::centered(*pattern, weights, scale),
                vjp(weights, [=](const Tensor& dy) { return centered(pattern, dy, scale); }));
}

// The mask as select_keys takes it: rank 3, of the scores' dtype, one element for each key.
Tensor prepared(const char* name, const Tensor& mask, const Shape& scores, DType dtype) {
  if (!broadcasts_to(mask.shape(), scores)) {
    fail(name, "mask must broadcast to (batch, queries, keys) = ", scores, ", got ", mask.shape());
  }
  Tensor m = mask.detach();
  if (m.dtype() != dtype) {  // with NaN in the place of what is wrong, so that it does not round to 0 or 1
    m = cast(kernels::map(name, m, kernels::functions::MaskElement()), dtype);
  }
  Shape shape = Shape::filled(3, 1);
  for (int i = 1; i <= m.rank(); ++i) shape[3 - i] = m.extent(-i);
  m = m.view(shape);
  shape[2] = scores[2];
  return m.shape() == shape ? m : kernels::broadcast(name, m, shape);
}

// Throws if an element x of the mask is NaN in `checked`, and says what it was.
void check_elements(const char* name, const Tensor& mask, const Tensor& checked, const char* wanted) {
  const kernels::ReducePlan plan =
      kernels::plan_reduction(checked.shape(), Shape::filled(checked.rank(), 1), false);
  if (checked.size() == 0 || !std::isnan(kernels::min(name, plan, checked).item())) return;
  const std::vector<double> found = checked.to_vector();
  const auto at = std::find_if(found.begin(), found.end(), [](double x) { return std::isnan(x); });
  fail(name, wanted, ", got ", mask.to_vector()[static_cast<std::size_t>(at - found.begin())]);
}

// What the options let n queries see of m keys. Without a pattern, the kernel looks at the mask's elements.
kernels::Visibility visible(const char* name, const Tensor& queries, std::int64_t m,
                            const AttentionOptions& options) {
  const std::int64_t batch = queries.extent(0), n = queries.extent(1);
  const AttentionPattern& pattern = options.pattern;
  if (batch % pattern.heads() != 0) {
    fail(name, "the pattern has ", pattern.heads(), " heads, which do not divide the batch, ", batch);
  }
  kernels::Visibility visibility{options.causal, {}, pattern.passes(name, n, m, options.causal)};
  if (options.mask) {
    check_same_device(name, "mask", options.mask, "queries", queries);
    visibility.mask = prepared(name, options.mask, {batch, n, m}, queries.dtype());
    if (!pattern.shows_everything()) internal::check_mask(name, options.mask);
  }
  return visibility;
}

}  // namespace

void internal::check_mask(const char* name, const Tensor& mask) {
  check_elements(
      name, mask, kernels::map(name, mask, kernels::functions::MaskElement()),
      "mask must be 1 where a query may look at a key and 0 where it may not (one that is added to the "
      "scores is converted by mask_from_additive, one whose ones hide keys by mask_from_hidden)");
}

Mask mask_from_additive(const Tensor& mask) {
  check_given("mask_from_additive", "mask", mask);
  const Tensor is_seen = equal(mask, 0.0), is_hidden = mask <= -10000.0;
  // 0 / 0 where it is neither.
  const Tensor checked = kernels::map("mask_from_additive", is_seen.detach(), maximum(is_seen, is_hidden),
                                      kernels::functions::Divide());
  check_elements("mask_from_additive", mask, checked,
                 "mask must be 0 where a query may look at a key and -inf, or at "
                 "most -10000, where it may not");
  return Mask(is_seen);
}

Mask mask_from_hidden(const Tensor& mask) {
  check_given("mask_from_hidden", "mask", mask);
  check_elements("mask_from_hidden", mask,
                 kernels::map("mask_from_hidden", mask, kernels::functions::MaskElement()),
                 "mask must be 0 where a query may look at a key and 1 where it may not");
  return equal(mask, 0.0);
}

void internal::check_attention(const char* name, const Tensor& queries, const Tensor& keys,
                               const Tensor& values) {
  check_given(name, "queries", queries, "keys", keys, "values", values);
  const auto wrong = [&](const char* what) {
    fail(name, what, ": queries are ", queries.dtype(), " ", queries.shape(), ", keys ", keys.dtype(), " ",
         keys.shape(), ", values ", values.dtype(), " ", values.shape());
  };
  if (queries.rank() != 3 || keys.rank() != 3 || values.rank() != 3) wrong("wanted three tensors of rank 3");
  if (queries.dtype() != keys.dtype() || keys.dtype() != values.dtype()) wrong("dtypes differ");
  check_same_device(name, "queries", queries, "keys", keys);
  check_same_device(name, "queries", queries, "values", values);
  if (queries.extent(0) != keys.extent(0) || keys.extent(0) != values.extent(0)) wrong("batch sizes differ");
  if (queries.extent(2) != keys.extent(2)) wrong("queries and keys differ in their last extent");
  if (keys.extent(1) != values.extent(1)) wrong("keys and values differ in number");
  if (std::max(queries.extent(1), keys.extent(1)) > std::numeric_limits<std::int32_t>::max()) {
    wrong("more than 2^31 - 1 queries or keys");
  }
}

Tensor sparse_attention(const Tensor& queries, const Tensor& keys, const Tensor& values, std::int64_t k,
                        const AttentionOptions& options) {
  internal::check_attention("sparse_attention", queries, keys, values);
  if (k < 1) fail("sparse_attention", "k must be at least 1, got ", k);
  const std::int64_t batch = queries.extent(0), n = queries.extent(1), m = keys.extent(1);
  const kernels::Visibility visibility = visible("sparse_attention", queries, m, options);
  const auto kept = std::allocate_shared<kernels::SparsePattern>(
      internal::PoolAllocator<kernels::SparsePattern>(), queries.device(), batch, n, m, std::min(k, m));
  const kernels::Selection selection = kernels::select_keys(queries, keys, options.scale, visibility, *kept);
  const Tensor probabilities = selection.probabilities;
  if (!selection.mask_is_right) internal::check_mask("sparse_attention", options.mask);
  const Pattern pattern = kept;
  internal::note_creation(kept.get(), "sparse pattern", {batch, n, m}, kept->bytes(),
                          [&] { return kept->contents(); });
  const double scale = options.scale;
  // A stand-in for the scores, which are never stored: only its cotangent is used, and that has the probabilities' shape.
  const Tensor scores =
      record("sparse_attention", probabilities.detach(),
             vjp(queries, [=](const Tensor& ds) { return gather_rows(pattern, ds, keys); }),
             vjp(keys, [=](const Tensor& ds) { return scatter_rows(pattern, ds, queries); }));
  const Tensor p = record("sparse_attention", probabilities,
                          vjp(scores, [=](const Tensor& dp) { return centered(pattern, dp, scale); }));
  return gather_rows(pattern, p, values);
}

Tensor softmax_attention(const Tensor& queries, const Tensor& keys, const Tensor& values,
                         const AttentionOptions& options) {
  constexpr const char* name = "softmax_attention";
  internal::check_attention(name, queries, keys, values);
  kernels::Visibility visibility = visible(name, queries, keys.extent(1), options);
  if (visibility.mask) {
    if (options.pattern.shows_everything()) internal::check_mask(name, options.mask);
    visibility.mask = visibility.mask.to(Device::cpu());
  }
  const auto [pattern, used] = kernels::shown_pairs(name, visibility, queries.extent(0), queries.extent(1),
                                                    keys.extent(1), queries.kind());
  const Tensor scores = dot_products(pattern, queries, keys) * options.scale;
  const Tensor p =
      softmax(where(used, scores, scalar_like(-std::numeric_limits<double>::infinity(), scores)));
  // A row of -inf alone is NaN, value and gradient: both end here and at the where() above.
  return gather_rows(pattern, where(used, p, scalar_like(0, p)), values);
}

}  // namespace taper
