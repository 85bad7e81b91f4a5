// scan_row, write_row and center_row, compiled for each instruction set.
// clang-format off: foreach_target.h includes this file again, and the order matters
#include "../simd.hpp"
#define HWY_TARGET_INCLUDE "taper/ops/kernels/softmax/sparse_row.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

#include "candidates-inl.hpp"
#include "sparse_row.hpp"

HWY_BEFORE_NAMESPACE();
namespace taper::kernels::HWY_NAMESPACE {

template <class T>
void select(const T* row, std::int64_t n, Candidates<T>& candidates) {
  const hn::ScalableTag<T> d;
  constexpr std::int64_t tile = 1024, step = Candidates<T>::step;
  const std::int64_t whole = n / step * step;
  for (std::int64_t j = 0; j < whole; j += tile) scan(d, candidates, row + j, std::min(tile, whole - j), j);
  if (whole < n) {
    T rest[step];
    std::fill(std::copy(row + whole, row + n, rest), rest + step, -infinity<T>);
    scan(d, candidates, rest, step, whole);
  }
  prune(d, candidates);
}

// Calls body(i, in0, in1, in2, in3) for each group of four vectors, which begins at p[i]. The masks tell
// which elements are not 0.
template <class T, class Body>
HWY_INLINE void for_each_group(const T* p, std::int64_t n, const Body& body) {
  const hn::ScalableTag<T> d;
  const std::int64_t lanes = hn::Lanes(d);
  const auto in = [&](std::int64_t i) HWY_ATTR { return hn::Ne(hn::LoadU(d, p + i), hn::Zero(d)); };
  for (std::int64_t i = 0; i + 4 * lanes <= n; i += 4 * lanes) {
    body(i, in(i), in(i + lanes), in(i + 2 * lanes), in(i + 3 * lanes));
  }
}

template <class D, class M>
HWY_INLINE bool are_empty(D d, M in0, M in1, M in2, M in3) {
  return HWY_LIKELY(hn::AllFalse(d, hn::Or(hn::Or(in0, in1), hn::Or(in2, in3))));
}

// Calls body(i) for each p[i] that is not 0, in ascending order.
template <class T, class Body>
HWY_INLINE void for_each_nonzero(const T* p, std::int64_t n, const Body& body) {
  const hn::ScalableTag<T> d;
  using M = hn::Mask<decltype(d)>;
  for_each_group(p, n, [&](std::int64_t i, M in0, M in1, M in2, M in3) HWY_ATTR {
    if (are_empty(d, in0, in1, in2, in3)) return;
    for (std::uint64_t bits = bits_of(d, in0, in1, in2, in3); bits != 0; bits &= bits - 1) {
      body(i + static_cast<std::int64_t>(hwy::Num0BitsBelowLS1Bit_Nonzero64(bits)));
    }
  });
  const std::int64_t group = 4 * hn::Lanes(d);
  for (std::int64_t i = n / group * group; i < n; ++i) {
    if (p[i] != 0) body(i);
  }
}

// Calls body(store) with a function that stores a vector. It writes past the cache if the caller asks for
// that and `out` is aligned.
template <class T, class Body>
HWY_INLINE void with_store(const T* out, Stores stores, const Body& body) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  if (stores == Stores::past_cache &&
      reinterpret_cast<std::uintptr_t>(out) % (hn::Lanes(d) * sizeof(T)) == 0) {
    body([d](V v, T* to) HWY_ATTR { hn::Stream(v, d, to); });
    hwy::FlushStream();
  } else {
    body([d](V v, T* to) HWY_ATTR { hn::StoreU(v, d, to); });
  }
}

// Stores zeros, vector by vector, up to the next index of a candidate; a vector that holds some of its
// values is put together first.
template <class T>
void write(const Candidates<T>& candidates, std::int64_t n, T* row, Stores stores) {
  const hn::ScalableTag<T> d;
  const std::int64_t lanes = hn::Lanes(d), whole = n / lanes * lanes;
  std::int64_t next = 0;  // of the candidates
  const auto fill = [&](std::int64_t begin, std::int64_t end, T* to) {
    std::fill(to, to + (end - begin), T{0});
    for (; next < candidates.count && candidates.indices[next] < end; ++next) {
      to[candidates.indices[next] - begin] = candidates.values[next];
    }
  };
  with_store(row, stores, [&](const auto& store) HWY_ATTR {
    for (std::int64_t i = 0; i < whole;) {
      const std::int64_t stop = next < candidates.count
                                    ? std::min<std::int64_t>(candidates.indices[next] / lanes * lanes, whole)
                                    : whole;
      for (; i < stop; i += lanes) store(hn::Zero(d), row + i);
      if (i == whole) break;
      HWY_ALIGN T buffer[HWY_MAX_BYTES / sizeof(T)];
      fill(i, i + lanes, buffer);
      store(hn::Load(d, buffer), row + i);
      i += lanes;
    }
  });
  fill(whole, n, row + whole);
}

template <class T>
void center(const T* g, const T* p, std::int64_t n, T* out, Stores stores) {
  const hn::ScalableTag<T> d;
  using M = hn::Mask<decltype(d)>;
  const std::int64_t lanes = hn::Lanes(d);

  // The elements of g that count are few and far from one another: ask the memory for all, then wait.
  for_each_nonzero(p, n, [g](std::int64_t i) { hwy::Prefetch(g + i); });
  double sum = 0, size = 0;
  for_each_nonzero(p, n, [&](std::int64_t i) {
    sum += static_cast<double>(g[i]);
    ++size;
  });

  const T mean = static_cast<T>(sum / size);
  with_store(out, stores, [&](const auto& store) HWY_ATTR {
    const auto center_vector = [&](std::int64_t i, M in) HWY_ATTR {
      store(hn::IfThenElseZero(in, hn::Sub(hn::LoadU(d, g + i), hn::Set(d, mean))), out + i);
    };
    for_each_group(p, n, [&](std::int64_t i, M in0, M in1, M in2, M in3) HWY_ATTR {
      if (are_empty(d, in0, in1, in2, in3)) {
        for (int v = 0; v < 4; ++v) store(hn::Zero(d), out + i + v * lanes);
      } else {
        center_vector(i, in0), center_vector(i + lanes, in1);
        center_vector(i + 2 * lanes, in2), center_vector(i + 3 * lanes, in3);
      }
    });
  });
  for (std::int64_t i = n / (4 * lanes) * (4 * lanes); i < n; ++i) out[i] = p[i] != 0 ? g[i] - mean : T{0};
}

TAPER_NAME_BOTH(select);
TAPER_NAME_BOTH(write);
TAPER_NAME_BOTH(center);

}  // namespace taper::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::kernels {
namespace {

TAPER_EXPORT_BOTH(select);
TAPER_EXPORT_BOTH(write);
TAPER_EXPORT_BOTH(center);

}  // namespace

template <class T>
void scan_row(const T* row, std::int64_t n, Candidates<T>& candidates) {
  select<T>(row, n, candidates);
}

template <class T>
void write_row(const Candidates<T>& candidates, std::int64_t n, T* row, Stores stores) {
  if (candidates.is_nan_row()) return static_cast<void>(std::fill_n(row, n, candidates.largest));
  write<T>(candidates, n, row, stores);
}

template <class T>
void center_row(const T* g, const T* p, std::int64_t n, T* out, Stores stores) {
  center<T>(g, p, n, out, stores);
}

template void scan_row(const float*, std::int64_t, Candidates<float>&);
template void scan_row(const double*, std::int64_t, Candidates<double>&);
template void write_row(const Candidates<float>&, std::int64_t, float*, Stores);
template void write_row(const Candidates<double>&, std::int64_t, double*, Stores);
template void center_row(const float*, const float*, std::int64_t, float*, Stores);
template void center_row(const double*, const double*, std::int64_t, double*, Stores);

}  // namespace taper::kernels
#endif
