// select_keys, compiled for each instruction set.
// clang-format off: foreach_target.h includes this file again, and the order matters
#include "../simd.hpp"
#define HWY_TARGET_INCLUDE "taper/ops/kernels/attention/select_keys.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

#include "../../../core/tape/creations.hpp"
#include "../../../core/threads.hpp"
#include "../backend.hpp"
#include "../elementwise/elementwise.hpp"
#include "../elementwise/functions.hpp"
#include "../softmax/candidates-inl.hpp"
#include "pass_mask.hpp"
#include "score_strips-inl.hpp"
#include "select_keys_call.hpp"

#include <atomic>
#include <span>

HWY_BEFORE_NAMESPACE();
namespace taper::kernels::HWY_NAMESPACE {

// How many keys of a class meet a block of queries before the next do. Their scores with a group of queries stay in
// the first level of cache, and the packed keys stay in the second level while they meet all queries of the block.
constexpr std::int64_t stretch = 64 * strip;
constexpr std::int64_t block = 16 * group;
template <class T>
constexpr std::int64_t line = 64 / static_cast<std::int64_t>(sizeof(T));  // of the cache
// From the scores of one query to the next: the scan of a row takes whole steps, and what fills the last one up takes
// whole vectors.
template <class T>
constexpr std::int64_t pitch = stretch + Candidates<T>::step;

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

// What a thread takes at a time: queries [first, last) of a class of a pass, in problem b. Its keys are packed from
// the place `keys_at` on. If `is_finite`, no score of the problem is NaN or infinite.
template <class T>
struct QueryBlock {
  const PassClass& of;
  std::int64_t b, first, last;
  bool is_first_pass, is_last_pass;
  T* thresholds;  // of all rows, from one pass to the next
  const T* packed;
  std::int64_t keys_at;
  bool is_finite;

  std::int64_t row(const SelectKeysCall<T>& a, std::int64_t t) const { return b * a.n + of.query(t); }
};

// Takes up a row that an earlier pass has left. Its keys get numbers below 0, so that they are no places in this pass.
template <class T>
void resume(const SelectKeysCall<T>& a, const QueryBlock<T>& q, std::int64_t at, Candidates<T>& row) {
  const std::int32_t count = a.sizes[at];
  if (count == SparsePattern::nan_row) return row.make_nan_row();
  const T* const values = a.probabilities + at * a.k;
  T largest = -infinity<T>;
  for (std::int32_t slot = 0; slot < count; ++slot) largest = std::max(largest, values[slot]);
  row.raise_largest(largest);
  for (std::int32_t slot = 0; slot < count; ++slot)
    row.add(values[slot], -1 - static_cast<typename Candidates<T>::Index>(a.columns[at * a.k + slot]));
  row.raise_threshold(q.thresholds[at], Candidates<T>::Bound::tau);
}

// Writes down the row's candidates, of which k at most are left, with their keys.
template <class T>
void store(const SelectKeysCall<T>& a, const PassClass& of, std::int64_t at, const Candidates<T>& row) {
  a.sizes[at] = static_cast<std::int32_t>(row.count);
  for (std::int64_t slot = 0; slot < row.count; ++slot) {
    const auto index = row.indices[slot];
    a.columns[at * a.k + slot] = static_cast<std::int32_t>(index < 0 ? -1 - index : of.key(index));
    a.probabilities[at * a.k + slot] = row.values[slot];
  }
}

template <class T>
void finish(const SelectKeysCall<T>& a, const QueryBlock<T>& q, std::int64_t at, Candidates<T>& row) {
  T* const probabilities = a.probabilities + at * a.k;
  if (row.is_nan_row()) {
    a.sizes[at] = SparsePattern::nan_row;
    std::fill_n(probabilities, a.k, std::numeric_limits<T>::quiet_NaN());
    return;
  }
  prune(hn::ScalableTag<T>(), row);
  if (q.is_last_pass) {
    project(row);
  } else {
    q.thresholds[at] = row.threshold;
  }
  store(a, q.of, at, row);
  if (q.is_last_pass) std::fill_n(probabilities + row.count, a.k - row.count, T{0});
}

// Notes what became of the scores [begin, end) of a query, which lie at `scores`, in each tile of the log that they
// touch: the most that became of any.
template <class T>
[[gnu::noinline]] void note(const SelectKeysCall<T>& a, const PassClass& of, std::int64_t at,
                            std::int64_t begin, std::int64_t end, const Candidates<T>& row, const T* scores,
                            bool scanned) {
  for (std::int64_t s = begin; s < end;) {
    const std::int64_t tile = of.key(s) / SparsePattern::keys_per_tile, from = s;
    while (s < end && of.key(s) / SparsePattern::keys_per_tile == tile) ++s;
    SparsePattern::Tile& entry = a.tile_log[at * a.tiles + tile];
    entry = std::max(entry, log_entry(row, scores + (from - begin), s - from, scanned));
  }
}

// The scores of query t, those of the keys from s0 on, which lie at `scores`, for its candidates. [low, high) are those
// that it may see, counted from s0. Returns whether the mask is one.
template <class T>
HWY_INLINE bool offer(const SelectKeysCall<T>& a, const QueryBlock<T>& q, std::int64_t t, std::int64_t s0,
                      std::int64_t low, std::int64_t high, T* scores, Candidates<T>& candidates) {
  const hn::ScalableTag<T> d;
  const std::int64_t lanes = hn::Lanes(d);
  const auto nothing = hn::Set(d, -infinity<T>);
  // From the strip on in which the first key lies, with -inf for what is not seen.
  std::int64_t start = stretch, first = stretch, end = 0;
  q.of.for_each_range(t, s0 + low, s0 + high, [&](std::int64_t from, std::int64_t to) HWY_ATTR {
    if (end == 0) first = from - s0, start = end = first / strip * strip;
    for (std::int64_t c = end; c < from - s0; c += lanes) {
      const auto is_hidden = hn::FirstN(d, static_cast<std::size_t>(std::min(lanes, from - s0 - c)));
      hn::StoreU(hn::IfThenElse(is_hidden, nothing, hn::LoadU(d, scores + c)), d, scores + c);
    }
    end = to - s0;
  });
  bool mask_is_right = true;
  if (const T* mask = a.mask_of(q.b, static_cast<int>(q.of.query(t)))) {
    if (a.shows_everything()) {  // what causal hides is looked at too
      const std::int64_t columns = std::min(stretch, a.m - s0);
      mask_is_right = hide(mask + s0, end, columns, scores);
    } else if (q.of.pass.keeps_order()) {
      hide(mask + s0 + first, end - first, end - first, scores + first);
    } else {
      for (std::int64_t c = first; c < end; ++c) {
        if (mask[q.of.key(s0 + c)] == 0) scores[c] = -infinity<T>;
      }
    }
  }
  if (end == 0) return mask_is_right;
  const std::int64_t padded = round_up(end - start, Candidates<T>::step);
  for (std::int64_t c = end; c < start + padded; c += lanes) hn::StoreU(nothing, d, scores + c);
  const bool scanned = q.is_finite ? scan_finite(d, candidates, scores + start, padded, s0 + start)
                                   : scan(d, candidates, scores + start, padded, s0 + start);
  if (a.tile_log) [[unlikely]]
    note(a, q.of, q.row(a, t), s0 + first, s0 + end, candidates, scores + first, scanned);
  return mask_is_right;
}

template <class T>
Multiplied select_block(const SelectKeysCall<T>& a, const QueryBlock<T>& q) {
  const std::int64_t count = q.last - q.first;
  const T* queries[block];
  std::int64_t begins[block], ends[block];
  CandidateMemory<T> memory(count, a.k);
  internal::PoolVector<Candidates<T>> rows;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t t = q.first + i, at = q.row(a, t);
    queries[i] = a.queries + at * a.d;
    for (std::int64_t p = 0; p < a.d; p += line<T>) hwy::Prefetch(queries[i] + p);
    begins[i] = q.of.begin_of(t), ends[i] = q.of.end_of(t);
    rows.push_back(memory.start(i, T{1}));
    if (!q.is_first_pass) resume(a, q, at, rows.back());
  }
  const bool looks_at_mask = a.mask && a.shows_everything();  // at all of it
  const std::int64_t end = looks_at_mask ? a.m : ends[count - 1];
  HWY_ALIGN T scores[group * pitch<T>];
  Multiplied done;
  for (std::int64_t s0 = begins[0] / strip * strip; s0 < end; s0 += stretch) {
    for (std::int64_t i0 = 0; i0 < count; i0 += group) {
      const std::int64_t in_group = std::min(group, count - i0);
      std::int64_t low[group], high[group];
      std::uint64_t wanted = 0;
      for (std::int64_t r = 0; r < in_group; ++r) {
        low[r] = std::clamp<std::int64_t>(begins[i0 + r] - s0, 0, stretch);
        high[r] = std::clamp<std::int64_t>(ends[i0 + r] - s0, 0, stretch);
        q.of.for_each_range(
            q.first + i0 + r, s0 + low[r], s0 + high[r],
            [&](std::int64_t from, std::int64_t to) { wanted |= strips_of(from - s0, to - s0); });
      }
      if (wanted == 0 && !looks_at_mask) continue;
      const T* of_group[group];
      for (std::int64_t r = 0; r < group; ++r) of_group[r] = queries[i0 + std::min(r, in_group - 1)];
      multiply_strips(of_group, q.packed, q.keys_at + s0, wanted, a.d, a.scale, scores, pitch<T>);
      done.strips += std::popcount(wanted);
      for (std::int64_t r = 0; r < in_group; ++r) {
        done.mask_is_right &= offer(a, q, q.first + i0 + r, s0, low[r], high[r], scores + r * pitch<T>,
                                    rows[static_cast<std::size_t>(i0 + r)]);
      }
    }
  }
  for (std::int64_t i = 0; i < count; ++i)
    finish(a, q, q.row(a, q.first + i), rows[static_cast<std::size_t>(i)]);
  return done;
}

// Whether no score of each problem can be NaN or infinite, because no sum of products can overflow.
template <class T>
internal::PoolVector<bool> finite_problems(const SelectKeysCall<T>& a) {
  const std::int64_t of_queries = (a.n + stretch - 1) / stretch,
                     parts = of_queries + (a.m + stretch - 1) / stretch;
  internal::PoolVector<T> largest(static_cast<std::size_t>(a.batch * parts));
  parallel_for(a.batch * parts, [&](std::int64_t task) {
    const std::int64_t b = task / parts, part = task % parts;
    const bool is_key = part >= of_queries;
    const std::int64_t rows = is_key ? a.m : a.n, first = (is_key ? part - of_queries : part) * stretch;
    largest[static_cast<std::size_t>(task)] = magnitude(
        (is_key ? a.keys : a.queries) + (b * rows + first) * a.d, std::min(stretch, rows - first) * a.d);
  });
  internal::PoolVector<bool> is_finite;
  const double factor = 1 + std::abs(static_cast<double>(a.scale));  // NaN if the scale is
  for (auto part = largest.begin(); part != largest.end(); part += parts) {
    const auto largest_of = [](auto begin, auto end) {
      return begin == end ? 0 : static_cast<double>(*std::max_element(begin, end));
    };
    const double sum = static_cast<double>(a.d) * largest_of(part, part + of_queries) *
                       largest_of(part + of_queries, part + parts);
    is_finite.push_back(sum * factor < static_cast<double>(std::numeric_limits<T>::max()) / 2);
  }
  return is_finite;
}

// One pass of the problems first, first + step, …
template <class T>
Multiplied run_pass(const SelectKeysCall<T>& a, std::span<const Pass> passes, std::size_t number,
                    std::int64_t first, std::int64_t step, const internal::PoolVector<bool>& is_finite,
                    T* thresholds) {
  const Pass& pass = passes[number];
  const std::int64_t problems = (a.batch - first + step - 1) / step;
  // Class 0 has the most keys; each class begins with a strip of its own.
  const std::int64_t class_keys = round_up(pass.rank(0, a.m), strip);
  const std::int64_t keys = pass.classes * class_keys;
  Tensor packed = Tensor::uninitialized("sparse_attention", {problems, keys, a.d}, dtype_of<T>);
  T* const packed_data = packed.template mutable_data<T>();
  const std::int64_t stretches = (keys + stretch - 1) / stretch;
  const internal::PoolVector<T> nothing(static_cast<std::size_t>(a.d), T{0});
  parallel_for(problems * stretches, [&](std::int64_t task) {
    const std::int64_t problem = task / stretches, at = task % stretches * stretch;
    const T* const from = a.keys + (first + problem * step) * a.m * a.d;
    const auto key_at = [&](std::int64_t place) -> const T* {
      const std::int64_t j = pass.key(place / class_keys, place % class_keys);
      return j < a.m ? from + j * a.d : nullptr;
    };
    pack(key_at, nothing.data(), a.d, at, std::min(stretch, keys - at), packed_data + problem * keys * a.d);
  });
  const std::int64_t blocks =
      ((a.n + pass.classes - 1) / pass.classes + block - 1) / block;  // of a class, at most
  std::atomic<bool> mask_is_right = true;
  std::atomic<std::int64_t> strips = 0;
  // The rows of neighbouring classes lie side by side: one thread takes some of them, so that it alone writes to a line
  // of the cache.
  constexpr std::int64_t neighbours = 8;
  const std::int64_t bunches = (pass.classes + neighbours - 1) / neighbours;
  parallel_for(problems * bunches * blocks, [&](std::int64_t task) {
    const std::int64_t problem = task / (bunches * blocks), r0 = task / blocks % bunches * neighbours;
    const std::int64_t begin = task % blocks * block, b = first + problem * step;
    for (std::int64_t r = r0; r < std::min(r0 + neighbours, pass.classes); ++r) {
      const PassClass of(pass, r, a.n, a.m, a.causal);
      if (begin >= of.query_count) continue;
      const Multiplied done = select_block(
          a, QueryBlock<T>{of, b, begin, std::min(begin + block, of.query_count), number == 0,
                           number + 1 == passes.size(), thresholds, packed_data + problem * keys * a.d,
                           r * class_keys, is_finite[static_cast<std::size_t>(b)]});
      if (!done.mask_is_right) mask_is_right = false;
      strips += done.strips;
    }
  });
  return {mask_is_right, strips};
}

template <class T>
Multiplied select_all(const SelectKeysCall<T>& a) {
  const internal::PoolVector<bool> is_finite = finite_problems(a);
  const Pass everything{.to = {0, a.m}};
  const std::int64_t heads = a.shows_everything() ? 1 : static_cast<std::int64_t>(a.heads->size());
  internal::PoolVector<T> thresholds(a.shows_everything() ? 0 : static_cast<std::size_t>(a.batch * a.n));
  Multiplied total;
  for (std::int64_t head = 0; head < std::min(heads, a.batch); ++head) {
    const std::span<const Pass> passes = a.shows_everything()
                                             ? std::span(&everything, 1)
                                             : std::span((*a.heads)[static_cast<std::size_t>(head)]);
    for (std::size_t pass = 0; pass < passes.size(); ++pass) {
      const Multiplied done = run_pass(a, passes, pass, head, heads, is_finite, thresholds.data());
      total.mask_is_right &= done.mask_is_right;
      total.strips += done.strips;
    }
  }
  return total;
}

TAPER_NAME_BOTH(select_all);

}  // namespace taper::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::kernels {
namespace {

TAPER_EXPORT_BOTH(select_all);

// The patterns as a part of the mask, for a device, whose kernels look at every pair.
Visibility without_heads(const Visibility& visibility, const SparsePattern& pattern, Kind kind) {
  const std::int64_t problems = visibility.heads.size() == 1 ? 1 : pattern.batch;
  const Tensor seen = pass_mask("sparse_attention", visibility.heads, visibility.causal,
                                {problems, pattern.n, pattern.m}, kind);
  const Tensor& mask = visibility.mask;
  return {visibility.causal, mask ? map("sparse_attention", seen, mask, functions::Multiply()) : seen, {}};
}

}  // namespace

Selection select_keys(const Tensor& queries, const Tensor& keys, double scale, const Visibility& visibility,
                      SparsePattern& pattern) {
  Tensor probabilities =
      Tensor::uninitialized("sparse_attention", {pattern.batch, pattern.n, pattern.k}, queries.kind());
  if (const Backend* backend = backend_of(queries)) {
    const bool is_right = backend->select_keys(
        queries, keys, scale,
        visibility.heads.empty() ? visibility : without_heads(visibility, pattern, queries.kind()), pattern,
        probabilities);
    return {probabilities, is_right};
  }
  if (internal::recorders) {
    pattern.tile_log = {"sparse_attention", Device::cpu(), pattern.batch * pattern.n * pattern.tiles()};
    std::fill_n(pattern.tile_log.data(), pattern.tile_log.size(), SparsePattern::Tile::hidden);
  }
  Multiplied done;
  dispatch(queries.dtype(), [&]<class T>() {
    done = select_all<T>(SelectKeysCall<T>(queries, keys, scale, visibility, pattern, probabilities));
  });
  return {probabilities, done.mask_is_right, done.strips};
}

}  // namespace taper::kernels
#endif
