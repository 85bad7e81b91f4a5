// What happens to the scores of a block of queries: they are hidden, noted and offered to their rows' candidates. Compiled
// once for each instruction set: include it after <hwy/highway.h> in a file that <hwy/foreach_target.h> repeats.
#if defined(TAPER_QUERY_BLOCK_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TAPER_QUERY_BLOCK_INL
#undef TAPER_QUERY_BLOCK_INL
#else
#define TAPER_QUERY_BLOCK_INL
#endif

#include "../softmax/candidates-inl.hpp"
#include "score_strips-inl.hpp"
#include "screen_rows-inl.hpp"
#include "select_keys_call.hpp"

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
  const std::uint8_t* panels;  // the keys' bytes, if they are to be screened, and their units
  const ByteUnit* units;

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

}  // namespace taper::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
