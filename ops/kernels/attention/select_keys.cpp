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
#include "pass_mask.hpp"
#include "screened_block-inl.hpp"

#include <atomic>
#include <span>

HWY_BEFORE_NAMESPACE();
namespace taper::kernels::HWY_NAMESPACE {

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
  ScreenedBlock<T> screened(a, q, queries, count);
  for (std::int64_t s0 = begins[0] / screen_panel * screen_panel, s1; s0 < end; s0 = s1) {
    s1 = screened.next(s0);
    for (std::int64_t i0 = 0; i0 < count; i0 += group) {
      const std::int64_t in_group = std::min(group, count - i0);
      std::int64_t low[group], high[group];
      std::uint64_t wanted = 0;
      for (std::int64_t r = 0; r < in_group; ++r) {
        low[r] = std::clamp<std::int64_t>(begins[i0 + r] - s0, 0, s1 - s0);
        high[r] = std::clamp<std::int64_t>(ends[i0 + r] - s0, 0, s1 - s0);
        q.of.for_each_range(
            q.first + i0 + r, s0 + low[r], s0 + high[r],
            [&](std::int64_t from, std::int64_t to) { wanted |= strips_of(from - s0, to - s0); });
      }
      if (wanted == 0 && !looks_at_mask) continue;
      const T* of_group[group];
      for (std::int64_t r = 0; r < group; ++r) of_group[r] = queries[i0 + std::min(r, in_group - 1)];
      done.strips += std::popcount(wanted);
      const auto of_rows =
          std::span(rows).subspan(static_cast<std::size_t>(i0), static_cast<std::size_t>(in_group));
      if (screened.offer(i0, s0, low, high, of_rows)) continue;
      multiply_strips(of_group, q.packed, q.keys_at + s0, wanted, a.d, a.scale, scores, pitch<T>);
      for (std::int64_t r = 0; r < in_group; ++r) {
        done.mask_is_right &= offer(a, q, q.first + i0 + r, s0, low[r], high[r], scores + r * pitch<T>,
                                    rows[static_cast<std::size_t>(i0 + r)]);
      }
      if (q.panels) {
        for (Candidates<T>& row : of_rows) tighten(hn::ScalableTag<T>(), row);
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
  // Class 0 has the most keys; each class begins with a strip of its own, or with a panel if it may be screened.
  const std::int64_t rank = pass.rank(0, a.m);
  const std::int64_t class_keys = round_up(rank, rank < screened_keys ? strip : screen_panel);
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
  const ScreenedKeys<T> screened(a, pass, first, step, problems, class_keys, is_finite);
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
                           r * class_keys, is_finite[static_cast<std::size_t>(b)],
                           is_finite[static_cast<std::size_t>(b)] ? screened.panels(problem, r) : nullptr,
                           screened.units(problem, r)});
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
