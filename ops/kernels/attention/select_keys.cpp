// select_keys, compiled for each instruction set.
// clang-format off: foreach_target.h includes this file again, and the order matters
#include "../simd.hpp"
#define HWY_TARGET_INCLUDE "taper/ops/kernels/attention/select_keys.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

#include "../../../core/tape/creations.hpp"
#include "../../../core/threads.hpp"
#include "../backend.hpp"
#include "../softmax/candidates-inl.hpp"
#include "select_keys_call.hpp"

#include <atomic>

HWY_BEFORE_NAMESPACE();
namespace taper::kernels::HWY_NAMESPACE {

template <class T>
using Vec = hn::Vec<hn::ScalableTag<T>>;

// The scores of `group` queries with `panel` keys are summed up in registers: 12 of 16 hold sums, or 24 of 32
// with AVX-512 and on ARM. The scores of a group with a tile of keys stay in the first level of cache. The
// tile itself stays in the second level while it meets all queries of a block.
constexpr std::int64_t group = 6;
constexpr int vectors = HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON ? 4 : 2;
template <class T>
constexpr std::int64_t panel = static_cast<std::int64_t>(hn::MaxLanes(hn::ScalableTag<T>())) * vectors;
constexpr std::int64_t tile = SparsePattern::keys_per_tile;
constexpr std::int64_t block = 16 * group;

constexpr std::int64_t round_up(std::int64_t x, std::int64_t to) { return (x + to - 1) / to * to; }

// Copies keys [first, first + count) of m so that the elements p of `panel` keys stand side by side. The last
// panel is filled up with zeros.
template <class T>
void pack(const T* keys, std::int64_t m, std::int64_t depth, std::int64_t first, std::int64_t count,
          T* packed) {
  for (std::int64_t j0 = first; j0 < first + count; j0 += panel<T>) {
    T* to = packed + j0 * depth;
    for (std::int64_t j = j0; j < j0 + panel<T>; ++j) {
      for (std::int64_t p = 0; p < depth; ++p)
        to[p * panel<T> + (j - j0)] = j < m ? keys[j * depth + p] : T{0};
    }
  }
}

// scores[r * tile + j] = scale * (queries[r] . key j), for a group of queries and a panel of keys.
template <class T>
HWY_INLINE void multiply(const T* const* queries, const T* keys, std::int64_t depth, T scale, T* scores) {
  const hn::ScalableTag<T> d;
  const std::int64_t lanes = hn::Lanes(d);
  Vec<T> sums[group][vectors];
  for (auto& row : sums) {
    for (auto& sum : row) sum = hn::Zero(d);
  }
  for (std::int64_t p = 0; p < depth; ++p, keys += panel<T>) {
    Vec<T> key[vectors];
    for (int v = 0; v < vectors; ++v) key[v] = hn::LoadU(d, keys + v * lanes);
    for (int r = 0; r < group; ++r) {
      const Vec<T> query = hn::Set(d, queries[r][p]);
      for (int v = 0; v < vectors; ++v) sums[r][v] = hn::MulAdd(query, key[v], sums[r][v]);
    }
  }
  const Vec<T> factor = hn::Set(d, scale);
  for (int r = 0; r < group; ++r) {
    for (int v = 0; v < vectors; ++v)
      hn::StoreU(hn::Mul(sums[r][v], factor), d, scores + r * tile + v * lanes);
  }
}

// The largest absolute value of n elements; +inf if one is NaN.
template <class T>
T magnitude(const T* x, std::int64_t n) {
  const hn::ScalableTag<T> d;
  const std::int64_t lanes = hn::Lanes(d);
  auto largest = hn::Zero(d);
  auto finite = hn::Eq(largest, largest);
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto absolute = hn::Abs(hn::LoadU(d, x + i));
    finite = hn::And(finite, hn::Lt(absolute, hn::Set(d, infinity<T>)));
    largest = hn::Max(largest, absolute);
  }
  T result = hn::AllTrue(d, finite) ? hn::GetLane(hn::MaxOfLanes(d, largest)) : infinity<T>;
  for (; i < n; ++i) result = std::abs(x[i]) < infinity<T> ? std::max(result, std::abs(x[i])) : infinity<T>;
  return result;
}

// What became of `seen` scores: `scanned` if one of them exceeded the row's threshold.
template <class T>
SparsePattern::Tile log_entry(const Candidates<T>& row, const T* scores, std::int64_t seen, bool scanned) {
  using Tile = SparsePattern::Tile;
  using Bound = typename Candidates<T>::Bound;
  if (seen == 0) return Tile::hidden;
  if (scanned) return Tile::scanned;
  if (std::all_of(scores, scores + seen, [](T score) { return score == -infinity<T>; })) return Tile::masked;
  return row.bound == Bound::tau   ? Tile::below_tau
         : row.bound == Bound::kth ? Tile::below_kth
                                   : Tile::below_maximum;
}

// Hides what the mask hides of `seen` scores. Returns whether all `columns` elements of the mask are 0 or 1, those
// too that causal hides: a mask of the wrong kind may have other elements there alone.
template <class T>
bool hide(const T* mask, std::int64_t seen, std::int64_t columns, T* scores) {
  const hn::ScalableTag<T> d;
  const std::int64_t lanes = hn::Lanes(d);
  const auto zero = hn::Zero(d), one = hn::Set(d, T{1});
  auto is_right = hn::Eq(zero, zero);
  std::int64_t j = 0;
  for (; j + lanes <= seen; j += lanes) {
    const auto element = hn::LoadU(d, mask + j);
    const auto is_hidden = hn::Eq(element, zero);
    is_right = hn::And(is_right, hn::Or(is_hidden, hn::Eq(element, one)));
    hn::StoreU(hn::IfThenElse(is_hidden, hn::Set(d, -infinity<T>), hn::LoadU(d, scores + j)), d, scores + j);
  }
  bool are_right = hn::AllTrue(d, is_right);
  for (; j < columns; ++j) {
    are_right &= mask[j] == 0 || mask[j] == 1;
    if (j < seen && mask[j] == 0) scores[j] = -infinity<T>;
  }
  return are_right;
}

// Queries [first, last) of problem b. No key has an element larger than key_magnitude. Returns whether the mask is one.
template <class T>
bool select_block(const SelectKeysCall<T>& a, const T* packed, T key_magnitude, std::int64_t b,
                  std::int64_t first, std::int64_t last) {
  // If no sum of products can overflow, there is no NaN and no infinity to look for.
  const double largest_sum =
      static_cast<double>(a.d) * static_cast<double>(key_magnitude) *
      static_cast<double>(magnitude(a.queries + (b * a.n + first) * a.d, (last - first) * a.d));
  const double factor = 1 + std::abs(static_cast<double>(a.scale));  // NaN if the scale is
  const bool is_finite = largest_sum * factor < static_cast<double>(std::numeric_limits<T>::max()) / 2;
  CandidateMemory<T> memory(last - first, a.k);
  internal::PoolVector<Candidates<T>> rows;
  for (std::int64_t i = first; i < last; ++i) rows.push_back(memory.start(i - first, T{1}));
  HWY_ALIGN T scores[group * tile];
  bool mask_is_right = true;
  for (std::int64_t j0 = 0; j0 < a.m; j0 += tile) {
    const std::int64_t columns = std::min<std::int64_t>(tile, a.m - j0);
    for (std::int64_t i0 = first; i0 < last; i0 += group) {
      const std::int64_t count = std::min(group, last - i0);
      // How many keys of this tile query i sees. The last query of the group sees most.
      const auto visible = [&](std::int64_t i) {
        return std::clamp<std::int64_t>(a.visible(static_cast<int>(i)) - j0, 0, columns);
      };
      const std::int64_t most = visible(i0 + count - 1);
      const T* queries[group];
      for (std::int64_t r = 0; r < group; ++r)
        queries[r] = a.queries + (b * a.n + i0 + std::min(r, count - 1)) * a.d;
      for (std::int64_t j = 0; j < most; j += panel<T>) {
        multiply(queries, packed + (j0 + j) * a.d, a.d, a.scale, scores + j);
      }
      for (std::int64_t r = 0; r < count; ++r) {
        T* row = scores + r * tile;
        const std::int64_t seen = visible(i0 + r), padded = round_up(seen, Candidates<T>::step);
        std::fill(row + seen, row + padded, -infinity<T>);
        if (const T* mask = a.mask_of(b, static_cast<int>(i0 + r)))
          mask_is_right &= hide(mask + j0, seen, columns, row);
        Candidates<T>& candidates = rows[static_cast<std::size_t>(i0 - first + r)];
        const bool scanned = is_finite ? scan_finite(hn::ScalableTag<T>(), candidates, row, padded, j0)
                                       : scan(hn::ScalableTag<T>(), candidates, row, padded, j0);
        if (a.tile_log) [[unlikely]] {
          a.tile_log[(b * a.n + i0 + r) * a.tiles + j0 / tile] = log_entry(candidates, row, seen, scanned);
        }
      }
    }
  }
  for (std::int64_t i = first; i < last; ++i) {
    Candidates<T>& row = rows[static_cast<std::size_t>(i - first)];
    const std::int64_t at = b * a.n + i;
    if (row.is_nan_row()) {
      a.sizes[at] = SparsePattern::nan_row;
      std::fill_n(a.probabilities + at * a.k, a.k, std::numeric_limits<T>::quiet_NaN());
      continue;
    }
    prune(hn::ScalableTag<T>(), row);
    project(row);
    a.sizes[at] = static_cast<std::int32_t>(row.count);
    std::copy_n(row.indices, row.count, a.columns + at * a.k);
    std::copy_n(row.values, row.count, a.probabilities + at * a.k);
    std::fill_n(a.probabilities + at * a.k + row.count, a.k - row.count, T{0});
  }
  return mask_is_right;
}

template <class T>
bool select_all(const SelectKeysCall<T>& a) {
  const std::int64_t tiles = a.tiles, blocks = (a.n + block - 1) / block;
  const std::int64_t keys = round_up(a.m, panel<T>);
  Tensor packed = Tensor::uninitialized("sparse_attention", {a.batch, keys, a.d}, dtype_of<T>);
  T* const packed_data = packed.mutable_data<T>();
  internal::PoolVector<T> magnitudes(static_cast<std::size_t>(a.batch * tiles));
  parallel_for(a.batch * tiles, [&](std::int64_t task) {
    const std::int64_t b = task / tiles, first = task % tiles * tile,
                       count = std::min<std::int64_t>(tile, a.m - first);
    const T* const from = a.keys + b * a.m * a.d;
    pack(from, a.m, a.d, first, count, packed_data + b * keys * a.d);
    magnitudes[static_cast<std::size_t>(task)] = magnitude(from + first * a.d, count * a.d);
  });
  std::atomic<bool> mask_is_right = true;
  parallel_for(a.batch * blocks, [&](std::int64_t task) {
    const std::int64_t b = task / blocks, first = task % blocks * block;
    const auto of_keys = magnitudes.begin() + b * tiles;
    const T largest = tiles == 0 ? T{0} : *std::max_element(of_keys, of_keys + tiles);
    if (!select_block(a, packed_data + b * keys * a.d, largest, b, first,
                      std::min<std::int64_t>(first + block, a.n)))
      mask_is_right = false;
  });
  return mask_is_right;
}

TAPER_NAME_BOTH(select_all);

}  // namespace taper::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::kernels {
namespace {

TAPER_EXPORT_BOTH(select_all);

}  // namespace

Selection select_keys(const Tensor& queries, const Tensor& keys, double scale, const Visibility& visibility,
                      SparsePattern& pattern) {
  Tensor probabilities =
      Tensor::uninitialized("sparse_attention", {pattern.batch, pattern.n, pattern.k}, queries.kind());
  if (const Backend* backend = backend_of(queries)) {
    const bool is_right = backend->select_keys(queries, keys, scale, visibility, pattern, probabilities);
    return {probabilities, is_right};
  }
  if (internal::recorders) {
    pattern.tile_log = {"sparse_attention", Device::cpu(), pattern.batch * pattern.n * pattern.tiles()};
  }
  bool mask_is_right = true;
  dispatch(queries.dtype(), [&]<class T>() {
    mask_is_right =
        select_all<T>(SelectKeysCall<T>(queries, keys, scale, visibility, pattern, probabilities));
  });
  return {probabilities, mask_is_right};
}

}  // namespace taper::kernels
#endif
