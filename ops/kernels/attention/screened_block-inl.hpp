// The keys that a block's queries may select, by screening (screen.hpp), and their scores. Compiled once for each instruction
// set: include it after <hwy/highway.h> in a file that <hwy/foreach_target.h> repeats.
#if defined(TAPER_SCREENED_BLOCK_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TAPER_SCREENED_BLOCK_INL
#undef TAPER_SCREENED_BLOCK_INL
#else
#define TAPER_SCREENED_BLOCK_INL
#endif

#include "../../../core/threads.hpp"
#include "query_block-inl.hpp"
#include "score_pairs-inl.hpp"
#include "screen_rows-inl.hpp"

#include <bit>
#include <span>

HWY_BEFORE_NAMESPACE();
namespace taper::kernels::HWY_NAMESPACE {

constexpr std::int64_t screened_keys = 2 * stretch;  // that a query sees, at least

#if HWY_TARGET == HWY_AVX3

static_assert(screen_group == group && screen_stretch == stretch);

// The bytes of the keys of a pass, for each class of each problem.
template <class T>
class ScreenedKeys {
 public:
  // Of those of the problems first, first + step, …, `problems` in all, that are finite. A class takes class_keys keys, whole panels.
  ScreenedKeys(const SelectKeysCall<T>& a, const Pass& pass, std::int64_t first, std::int64_t step,
               std::int64_t problems, std::int64_t class_keys, const internal::PoolVector<bool>& is_finite)
      : classes_(pass.classes),
        class_bytes_(class_keys * bytes_of_row(a.d)),
        class_units_((class_keys + stretch - 1) / stretch) {
    if (!pays(a, pass)) return;
    bytes_.resize(static_cast<std::size_t>(problems * classes_ * class_bytes_));
    units_.resize(static_cast<std::size_t>(problems * classes_ * class_units_));
    parallel_for(problems * classes_ * class_units_, [&](std::int64_t task) {
      const std::int64_t of = task / class_units_, s0 = task % class_units_ * stretch;
      const std::int64_t b = first + of / classes_ * step;
      if (!is_finite[static_cast<std::size_t>(b)]) return;
      const T* const keys = a.keys + b * a.m * a.d;
      const auto key_at = [&](std::int64_t s) -> const T* {
        const std::int64_t j = pass.key(of % classes_, s0 + s);
        return j < a.m ? keys + j * a.d : nullptr;
      };
      units_[static_cast<std::size_t>(task)] =
          screen_keys<T>(key_at, std::min(stretch, class_keys - s0), a.d,
                         bytes_.data() + of * class_bytes_ + s0 * bytes_of_row(a.d));
    });
  }

  // Those of class r of a problem; null: they are not to be screened.
  const std::uint8_t* panels(std::int64_t problem, std::int64_t r) const {
    return bytes_.empty() ? nullptr : bytes_.data() + (problem * classes_ + r) * class_bytes_;
  }
  const ByteUnit* units(std::int64_t problem, std::int64_t r) const {
    return units_.empty() ? nullptr : units_.data() + (problem * classes_ + r) * class_units_;
  }

 private:
  // Measured: with fewer keys or shorter rows, what goes on beside the products takes longer than they do, and it takes some
  // queries to make up for the keys' bytes. A trace tells what became of each tile of scores, and a mask is looked at as a
  // whole: both want all scores.
  static bool pays(const SelectKeysCall<T>& a, const Pass& pass) {
    if (!can_multiply_bytes() || a.mask || a.tile_log || pass.tiles || a.d < 32 || a.d > screen_depth)
      return false;
    const PassClass of(pass, 0, a.n, a.m, a.causal);
    const std::int64_t last = of.query_count - 1;
    return last >= 512 && of.end_of(last) - of.begin_of(last) >= screened_keys;
  }

  std::int64_t classes_, class_bytes_, class_units_;
  internal::PoolVector<std::uint8_t> bytes_;
  internal::PoolVector<ByteUnit> units_;
};

// A block of queries, whose keys are offered to their rows' candidates (query_block-inl.hpp) by screening. A row can be screened once it
// has a threshold, and the better that is, the fewer keys are left. So the first keys are multiplied as they are, and then
// each time as many as before are screened.
template <class T>
class ScreenedBlock {
 public:
  ScreenedBlock(const SelectKeysCall<T>& a, const QueryBlock<T>& q, const T* const* queries,
                std::int64_t count)
      : a_(a), q_(q), size_(bytes_of_row(a.d)) {
    if (!q.panels) return;
    bytes_.resize(static_cast<std::size_t>(count * size_));
    transposed_.resize(static_cast<std::size_t>(block / group * group_pitch * a.d + line<T>));
    for (std::int64_t i = 0; i < count; ++i) {
      queries_.push_back(screen_query(queries[i], a.d, a.scale, bytes_of(i)));
      T* const to = transposed_.data() + i / group * a.d * group_pitch + i % group;
      for (std::int64_t p = 0; p < a.d; ++p) to[p * group_pitch] = queries[i][p];
    }
  }

  // Where the keys end that are taken at a time, from s0 on.
  std::int64_t next(std::int64_t s0) {
    if (!q_.panels) return s0 + stretch;
    const std::int64_t end = std::min(s0 + length_, (s0 / stretch + 1) * stretch);
    length_ = std::min(2 * length_, stretch);
    return end;
  }

  // Offers the keys from s0 on to `rows`, those of the queries from number i0 of the block on: [low[r], high[r]) to row r, counted from
  // s0. Returns false, and does nothing, if this does not pay.
  bool offer(std::int64_t i0, std::int64_t s0, const std::int64_t* low, const std::int64_t* high,
             std::span<Candidates<T>> rows) {
    if (!q_.panels || gave_up_[i0 / group] > 1) return false;
    const std::int8_t* bytes[group];
    std::int32_t limits[group];
    std::int64_t first = stretch, last = 0, pairs = 0;
    for (std::int64_t r = 0; r < group; ++r) {
      const bool is_seen = r < std::ssize(rows) && low[r] < high[r];
      const std::int64_t i = i0 + (is_seen ? r : 0);
      bytes[r] = bytes_of(i);
      limits[r] = std::numeric_limits<std::int32_t>::max();  // which no product exceeds
      if (!is_seen) continue;
      limits[r] = screen_limit(queries_[static_cast<std::size_t>(i)], q_.units[s0 / stretch], a_.d, a_.scale,
                               rows[static_cast<std::size_t>(r)].threshold);
      if (limits[r] == std::numeric_limits<std::int32_t>::min()) return false;
      first = std::min(first, low[r]), last = std::max(last, high[r]), pairs += high[r] - low[r];
    }
    const std::int64_t panel = first / screen_panel;
    multiply_bytes(bytes, q_.panels + (s0 + panel * screen_panel) * size_,
                   (last - 1) / screen_panel + 1 - panel, size_, limits, above_ + panel);
    survivors_ = 0;
    for (std::int64_t r = 0; r < std::ssize(rows); ++r) {
      if (low[r] < high[r]) find_survivors(r, s0, low[r], high[r]);
      if (survivors_ * one_in > pairs) {
        ++gave_up_[i0 / group];
        return false;
      }
    }
    std::fill_n(rows_ + survivors_, line<T>, 0);
    for (std::int64_t at = 0; at < survivors_; at += line<T>) offer_survivors(i0, at, rows);
    for (std::int64_t at = 0; at < survivors_; ++at) {
      if (at + 1 == survivors_ || rows_[at + 1] != rows_[at])
        tighten(hn::ScalableTag<T>(), rows[static_cast<std::size_t>(rows_[at])]);
    }
    return true;
  }

 private:
  // If more keys than one in so many are left, multiplying all of them takes less time.
  static constexpr std::int64_t one_in = 12;

  const T* key_of(std::int64_t place) const { return a_.keys + (q_.b * a_.m + q_.of.key(place)) * a_.d; }
  std::int8_t* bytes_of(std::int64_t i) { return bytes_.data() + i * size_; }

  // Lists the keys that are left of those in [low, high) for row r of the group.
  void find_survivors(std::int64_t r, std::int64_t s0, std::int64_t low, std::int64_t high) {
    constexpr std::uint64_t all = ~std::uint64_t{0};
    const hn::ScalableTag<std::uint64_t> d;
    const std::uint64_t* const above = above_ + r * screen_panels;
    const std::int64_t first = low / screen_panel, last = (high - 1) / screen_panel;
    std::uint64_t panels = 0;  // bit p: there are some in panel p
    for (std::int64_t p = 0; p < screen_panels; p += 8)
      panels |= bits_of(d, hn::Ne(hn::Load(d, above + p), hn::Zero(d))) << p;
    panels &= all << first & all >> (63 - last);
    for (; panels != 0; panels &= panels - 1) {
      const std::int64_t panel = std::countr_zero(panels);
      std::uint64_t bits = above[panel];
      if (panel == first) bits &= all << low % screen_panel;
      if (panel == last) bits &= all >> (63 - (high - 1) % screen_panel);
      for (; bits != 0; bits &= bits - 1) {
        const std::int64_t place = s0 + panel * screen_panel + std::countr_zero(bits);
        const T* const key = key_of(place);
        for (std::int64_t p = 0; p < a_.d; p += line<T>) hwy::Prefetch(key + p);
        rows_[survivors_] = static_cast<std::int32_t>(r);
        places_[survivors_++] = static_cast<std::int32_t>(place);
      }
    }
  }

  // Multiplies a vector of the pairs that are left, and offers their scores.
  void offer_survivors(std::int64_t i0, std::int64_t at, std::span<Candidates<T>> rows) {
    HWY_ALIGN T scores[line<T>];
    const std::int64_t count = std::min(line<T>, survivors_ - at);
    const T* keys[line<T>];
    for (std::int64_t lane = 0; lane < line<T>; ++lane)
      keys[lane] = key_of(places_[at + std::min(lane, count - 1)]);
    multiply_pairs(transposed_.data() + i0 / group * a_.d * group_pitch, rows_ + at, keys, a_.d, a_.scale,
                   scores);
    for (std::int64_t lane = 0; lane < count; ++lane) {
      Candidates<T>& row = rows[static_cast<std::size_t>(rows_[at + lane])];
      row.raise_largest(scores[lane]);
      row.add_if_above(scores[lane], static_cast<typename Candidates<T>::Index>(places_[at + lane]));
      if (row.count > Candidates<T>::limit(row.k)) prune(hn::ScalableTag<T>(), row);
    }
  }

  const SelectKeysCall<T>& a_;
  const QueryBlock<T>& q_;
  const std::int64_t size_;  // of a row's bytes
  std::int64_t length_ = stretch / 4;
  internal::PoolVector<std::int8_t> bytes_;
  internal::PoolVector<T> transposed_;  // as multiply_pairs takes them
  internal::PoolVector<ScreenedQuery> queries_;
  int gave_up_[block / group] = {};  // how often it did not pay
  HWY_ALIGN std::uint64_t above_[group * screen_panels];
  // The pairs that are left: rows of the group, in order, and places. One row more than what does not pay any more.
  static constexpr std::int64_t room = group * stretch / one_in + stretch + line<T>;
  std::int64_t survivors_ = 0;
  std::int32_t rows_[room], places_[room];
};

#else

// No other set has the instruction.
template <class T>
class ScreenedKeys {
 public:
  ScreenedKeys(const SelectKeysCall<T>&, const Pass&, std::int64_t, std::int64_t, std::int64_t, std::int64_t,
               const internal::PoolVector<bool>&) {}
  const std::uint8_t* panels(std::int64_t, std::int64_t) const { return nullptr; }
  const ByteUnit* units(std::int64_t, std::int64_t) const { return nullptr; }
};

template <class T>
class ScreenedBlock {
 public:
  ScreenedBlock(const SelectKeysCall<T>&, const QueryBlock<T>&, const T* const*, std::int64_t) {}
  std::int64_t next(std::int64_t s0) const { return s0 + stretch; }
  bool offer(std::int64_t, std::int64_t, const std::int64_t*, const std::int64_t*,
             std::span<Candidates<T>>) const {
    return false;
  }
};

#endif

}  // namespace taper::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
