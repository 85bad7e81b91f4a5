// Windows written out as columns or rows of a matrix. Compiled once for each instruction set: include it
// after <hwy/highway.h> in a file that <hwy/foreach_target.h> repeats.
#if defined(TAPER_WINDOW_COPIES_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TAPER_WINDOW_COPIES_INL
#undef TAPER_WINDOW_COPIES_INL
#else
#define TAPER_WINDOW_COPIES_INL
#endif

#include "../vectors-inl.hpp"
#include "conv2d_layout.hpp"

#include <algorithm>

HWY_BEFORE_NAMESPACE();
namespace taper::kernels::HWY_NAMESPACE {

// to[i] = from[i * step]. If `overruns`, step is 1 and whole vectors are copied, up to the one that holds the
// last element.
template <bool overruns, class T>
HWY_INLINE void copy_run(const T* from, std::int64_t step, std::int64_t count, T* to) {
  const auto copy = [=](auto d, std::int64_t i) HWY_ATTR { hn::StoreU(hn::LoadU(d, from + i), d, to + i); };
  if constexpr (overruns) {
    for (std::int64_t i = 0; i < count; i += lanes_of<T>) copy(hn::ScalableTag<T>(), i);
  } else if (step == 1) {
    for_each_vector<T>(count, copy);
  } else {
    for (std::int64_t i = 0; i < count; ++i) to[i] = from[i * step];
  }
}

// to[i * step] += from[i].
template <class T>
HWY_INLINE void add_run(const T* from, std::int64_t step, std::int64_t count, T* to) {
  if (step == 1) {
    for_each_vector<T>(count, [=](auto d, std::int64_t i) HWY_ATTR {
      hn::StoreU(hn::Add(hn::LoadU(d, to + i), hn::LoadU(d, from + i)), d, to + i);
    });
  } else {
    for (std::int64_t i = 0; i < count; ++i) to[i * step] += from[i];
  }
}

// The runs of windows [first, last), counted through the pictures of the batch, for one group.
inline void find_runs(const Layout& layout, std::int64_t group, std::int64_t first, std::int64_t last,
                      internal::PoolVector<Run>& runs) {
  runs.clear();
  for (std::int64_t w = first; w < last;) {
    const std::int64_t b = w / layout.windows, inside = w - b * layout.windows;
    const std::int64_t count = std::min(layout.count.width - inside % layout.count.width, last - w);
    runs.push_back({w - first, count, layout.x_start(b, group) + layout.window_start(inside)});
    w += count;
  }
}

// The columns of a panel of the matrix: the windows of these runs, as rows of `panel` elements. If
// `overruns`, a vector may reach beyond a run, in x and in the matrix: what it leaves there is overwritten by
// the next run.
template <bool overruns, class T>
void copy_columns(const Layout& layout, const internal::PoolVector<Run>& runs, std::int64_t panel, const T* x,
                  T* matrix) {
  for (const std::int64_t offset : layout.offsets) {
    for (const Run& run : runs)
      copy_run<overruns>(x + run.start + offset, layout.step, run.count, matrix + run.column);
    matrix += panel;
  }
}

// The elements of a window, copied to a row of the matrix. `width` is that of the window if it is not 0, and
// then the elements of its rows lie next to each other.
template <int width, class T>
HWY_INLINE void copy_window(const Layout& layout, const T* x, T* row) {
  const std::int64_t n = width != 0 ? width : layout.call.windows.size.width;
  const std::int64_t dilation = width != 0 ? 1 : layout.call.windows.dilation.width;
  for (std::int64_t k = 0; k < layout.depth; k += n) {
    const T* const from = x + layout.offsets[static_cast<std::size_t>(k)];
    for (std::int64_t i = 0; i < n; ++i) row[k + i] = from[i * dilation];
  }
}

// Windows w … w + count - 1 of one picture, whose channels begin at x, as rows of `width` elements.
template <class T>
void copy_windows(const Layout& layout, std::int64_t w, std::int64_t count, const T* x, std::int64_t width,
                  T* matrix) {
  const auto copy_all = [&]<int known_width>() HWY_ATTR {
    for (std::int64_t i = 0; i < count; ++i)
      copy_window<known_width>(layout, x + layout.window_start(w + i), matrix + i * width);
  };
  switch (layout.call.windows.dilation.width == 1 ? layout.call.windows.size.width : 0) {
    case 1:
      return copy_all.template operator()<1>();
    case 2:
      return copy_all.template operator()<2>();
    case 3:
      return copy_all.template operator()<3>();
    case 4:
      return copy_all.template operator()<4>();
    case 5:
      return copy_all.template operator()<5>();
    case 7:
      return copy_all.template operator()<7>();
    default:
      return copy_all.template operator()<0>();
  }
}

}  // namespace taper::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
