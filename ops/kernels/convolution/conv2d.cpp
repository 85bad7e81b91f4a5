// Convolution as matrix products: the windows are written out as columns or rows of a matrix, as many at a
// time as the cache holds, and multiplied there. Compiled for each instruction set.
// clang-format off: foreach_target.h includes this file again, and the order matters
#include "../simd.hpp"
#define HWY_TARGET_INCLUDE "taper/ops/kernels/convolution/conv2d.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

#include "../../../core/create.hpp"
#include "../../../core/memory/array.hpp"
#include "../../../core/threads.hpp"
#include "../backend.hpp"
#include "../layout/copy_strided.hpp"
#include "../product/tile_product.hpp"
#include "conv2d.hpp"
#include "conv2d_layout.hpp"
#include "window_copies-inl.hpp"

#include <algorithm>
#include <utility>

HWY_BEFORE_NAMESPACE();
namespace taper::kernels::HWY_NAMESPACE {

template <class T>
using Array = internal::Array<T>;

// Windows [first, last) of y, in panels: the columns of the matrix are windows, and its rows the elements of
// each.
template <class T>
void convolve_windows(const Layout& layout, std::int64_t group, std::int64_t first, std::int64_t last,
                      const T* x, const T* weight, const T* bias, T* y) {
  const Convolution& call = layout.call;
  const std::int64_t depth = layout.depth, outputs = call.outputs;
  constexpr std::int64_t lanes = lanes_of<T>, panel = lanes * tile_vectors;
  const Array<T> matrix("conv2d", Device::cpu(), depth * panel + lanes);
  const Array<T> result("conv2d", Device::cpu(), outputs * panel);
  internal::PoolVector<Run> runs;
  for (std::int64_t w = first; w < last; w += panel) {
    const std::int64_t count = std::min(panel, last - w);
    find_runs(layout, group, w, w + count, runs);
    if (count < panel) std::fill_n(matrix.data(), matrix.size(), T{0});
    const std::int64_t end = runs.back().start + layout.offsets.back() + layout.count.width + lanes;
    const bool overruns = layout.step == 1 && end <= layout.x_start(call.batch, 0);
    (overruns ? copy_columns<true, T> : copy_columns<false, T>)(layout, runs, panel, x, matrix.data());
    multiply<T>({outputs, count, depth, weight + group * outputs * depth, depth, 1, matrix.data(), panel, 0,
                 result.data(), panel, false});
    for (std::int64_t done = 0; done < count;) {
      const std::int64_t b = (w + done) / layout.windows, inside = w + done - b * layout.windows;
      const std::int64_t length = std::min(layout.windows - inside, count - done);
      T* const to = y + layout.y_start(b, group) + inside;
      for (std::int64_t o = 0; o < outputs; ++o) {
        const T start = bias ? bias[group * outputs + o] : T{0};
        const T* const from = result.data() + o * panel + done;
        for_each_vector<T>(length, [&](auto d, std::int64_t i) HWY_ATTR {
          hn::StoreU(hn::Add(hn::LoadU(d, from + i), hn::Set(d, start)), d, to + o * layout.windows + i);
        });
      }
      done += length;
    }
  }
}

// Channels [first, last) of a group's padded dx, for one picture.
template <class T>
void convolve_dx_channels(const Layout& layout, std::int64_t b, std::int64_t group, std::int64_t first,
                          std::int64_t last, const T* dy, const T* weight, T* dx) {
  const Convolution& call = layout.call;
  const std::int64_t area = call.windows.size.area(), outputs = call.outputs;
  const std::int64_t rows = (last - first) * area, from = first * area;
  constexpr std::int64_t panel = lanes_of<T> * tile_vectors;
  const Array<T> matrix("conv2d", Device::cpu(), rows * panel),
      cotangents("conv2d", Device::cpu(), outputs * panel);
  internal::PoolVector<Run> runs;
  T* const start = dx + layout.x_start(b, group) + first * layout.picture;
  std::fill_n(start, (last - first) * layout.picture, T{0});
  for (std::int64_t w = 0; w < layout.windows; w += panel) {
    const std::int64_t count = std::min(panel, layout.windows - w);
    for (std::int64_t o = 0; o < outputs; ++o) {
      T* const row = cotangents.data() + o * panel;
      copy_run<false>(dy + layout.y_start(b, group) + o * layout.windows + w, 1, count, row);
      if (count < panel) std::fill(row + count, row + panel, T{0});
    }
    multiply<T>({rows, count, outputs, weight + group * outputs * layout.depth + from, 1, layout.depth,
                 cotangents.data(), panel, 0, matrix.data(), panel, false});
    find_runs(layout, group, b * layout.windows + w, b * layout.windows + w + count, runs);
    for (std::int64_t k = 0; k < rows; ++k) {
      const T* const row = matrix.data() + k * panel;
      for (const Run& run : runs)
        add_run(row + run.column, layout.step, run.count,
                dx + run.start + layout.offsets[static_cast<std::size_t>(from + k)]);
    }
  }
}

// The part of dweight that comes from blocks [first, last) of windows, of which each picture has `blocks`, of
// `length` windows: the rows of the matrix are windows. The result has rows of `width` elements.
template <class T>
void convolve_dweight_blocks(const Layout& layout, std::int64_t group, std::int64_t first, std::int64_t last,
                             std::int64_t length, const T* x, const T* dy, std::int64_t width, T* dweight) {
  const std::int64_t outputs = layout.call.outputs, blocks = (layout.windows + length - 1) / length;
  const Array<T> matrix("conv2d", Device::cpu(), length * width);
  std::fill_n(matrix.data(), length * width, T{0});
  std::fill_n(dweight, outputs * width, T{0});
  for (std::int64_t block = first; block < last; ++block) {
    const std::int64_t b = block / blocks, w = block % blocks * length;
    const std::int64_t count = std::min(length, layout.windows - w);
    copy_windows(layout, w, count, x + layout.x_start(b, group), width, matrix.data());
    multiply<T>({outputs, layout.depth, count, dy + layout.y_start(b, group) + w, layout.windows, 1,
                 matrix.data(), width, lanes_of<T> * tile_vectors, dweight, width, true});
  }
}

TAPER_NAME_BOTH(convolve_windows);
TAPER_NAME_BOTH(convolve_dx_channels);
TAPER_NAME_BOTH(convolve_dweight_blocks);

}  // namespace taper::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::kernels {
namespace {

TAPER_EXPORT_BOTH(convolve_windows)
TAPER_EXPORT_BOTH(convolve_dx_channels)
TAPER_EXPORT_BOTH(convolve_dweight_blocks)

// The same windows over pictures that have their padding.
Convolution on_padded(Convolution call) {
  call.windows.picture = call.windows.padded();
  call.windows.padding = 0;
  return call;
}

// The copy of x into a tensor with padding.
StridedCopy padding_copy(const Convolution& call) {
  const Shape x = call.x_shape(), strides = strides_of(on_padded(call).x_shape());
  const Size2d padding = call.windows.padding;
  return {x, {0, strides_of(x)}, {padding.height * strides[2] + padding.width, strides}};
}

Tensor padded(const Convolution& call, const Tensor& x) {
  if (call.windows.padding == Size2d(0)) return x;
  Tensor y = zeros(on_padded(call).x_shape(), x.kind());
  copy_strided(padding_copy(call), x, y);
  return y;
}

// How many of `items`, of that many multiplications each, are worth a thread's while.
std::int64_t items_per_thread(double multiplications) {
  return 1 + static_cast<std::int64_t>(1e6 / std::max(multiplications, 1.0));
}

double multiplications_per_window(const Convolution& call) {
  return static_cast<double>(call.outputs) * static_cast<double>(call.depth());
}

}  // namespace

Layout::Layout(const Convolution& padded_call)
    : call(padded_call),
      count(call.windows.count()),
      picture(call.windows.picture.area()),
      windows(count.area()),
      depth(call.depth()),
      step(call.windows.stride.width),
      row_step(call.windows.stride.height * call.windows.picture.width) {
  const auto& [extents, size, stride, padding, dilation] = call.windows;
  offsets.reserve(static_cast<std::size_t>(depth));
  for (std::int64_t c = 0; c < call.inputs; ++c) {
    for (std::int64_t i = 0; i < size.height; ++i) {
      for (std::int64_t j = 0; j < size.width; ++j)
        offsets.push_back(c * picture + i * dilation.height * extents.width + j * dilation.width);
    }
  }
}

Tensor convolve(const char* op, const Convolution& call, const Tensor& x, const Tensor& weight,
                const Tensor* bias) {
  Tensor y = Tensor::uninitialized(op, call.y_shape(), x.kind());
  if (y.size() == 0) return y;
  if (const Backend* backend = backend_of(x)) {
    backend->convolve(call, x, weight, bias, y);
    return y;
  }
  const Tensor wide = padded(call, x);
  const Layout layout(on_padded(call));
  dispatch(x.dtype(), [&]<class T>() {
    const T *const from = wide.data<T>(), *const w = weight.data<T>(),
                   *const b = bias ? bias->data<T>() : nullptr;
    T* const to = y.mutable_data<T>();
    const std::int64_t panel = tile_columns<T>();
    const std::int64_t windows = call.batch * layout.windows, panels = (windows + panel - 1) / panel;
    const double each = multiplications_per_window(call) * static_cast<double>(panel);
    for (std::int64_t group = 0; group < call.groups; ++group) {
      parallel_ranges(panels, items_per_thread(each), [&](std::int64_t begin, std::int64_t end) {
        convolve_windows<T>(layout, group, begin * panel, std::min(end * panel, windows), from, w, b, to);
      });
    }
  });
  return y;
}

Tensor convolve_dx(const char* op, const Convolution& call, const Tensor& dy, const Tensor& weight) {
  if (const Backend* backend = backend_of(dy)) {
    Tensor dx = Tensor::uninitialized(op, call.x_shape(), dy.kind());
    if (dx.size() > 0) backend->convolve_dx(call, dy, weight, dx);
    return dx;
  }
  const Layout layout(on_padded(call));
  Tensor wide = Tensor::uninitialized(op, layout.call.x_shape(), dy.kind());
  dispatch(dy.dtype(), [&]<class T>() {
    const T *const from = dy.data<T>(), *const w = weight.data<T>();
    T* const to = wide.mutable_data<T>();
    const std::int64_t images = call.batch * call.groups;
    const std::int64_t parts = images == 0 ? 1 : std::clamp<std::int64_t>(16 / images, 1, call.inputs);
    const double each = multiplications_per_window(call) * static_cast<double>(layout.windows / parts);
    parallel_ranges(images * parts, items_per_thread(each), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t image = i / parts, part = i % parts;
        convolve_dx_channels<T>(layout, image / call.groups, image % call.groups, part * call.inputs / parts,
                                (part + 1) * call.inputs / parts, from, w, to);
      }
    });
  });
  if (call.windows.padding == Size2d(0)) return wide;
  Tensor dx = Tensor::uninitialized(op, call.x_shape(), dy.kind());
  StridedCopy crop = padding_copy(call);
  std::swap(crop.from, crop.to);
  copy_strided(crop, wide, dx);
  return dx;
}

Tensor convolve_dweight(const char* op, const Convolution& call, const Tensor& x, const Tensor& dy) {
  if (call.batch == 0) return zeros(call.weight_shape(), x.kind());
  Tensor dweight = Tensor::uninitialized(op, call.weight_shape(), x.kind());
  if (const Backend* backend = backend_of(x)) {
    backend->convolve_dweight(call, x, dy, dweight);
    return dweight;
  }
  const Tensor wide = padded(call, x);
  const Layout layout(on_padded(call));
  const auto element = static_cast<std::int64_t>(size_of(x.dtype()));
  const std::int64_t depth = layout.depth, lanes = 64 / element;
  const std::int64_t width = (depth + lanes - 1) / lanes * lanes;
  // Blocks of windows that stay in the second level of cache, and parts that are added up: none of this may
  // depend on the number of threads.
  const std::int64_t length =
      std::min(std::max<std::int64_t>(400'000 / (width * element), 16), layout.windows);
  const std::int64_t blocks = call.batch * ((layout.windows + length - 1) / length);
  const double all = multiplications_per_window(call) * static_cast<double>(call.batch * layout.windows);
  const std::int64_t parts =
      std::clamp<std::int64_t>(std::min<std::int64_t>(static_cast<std::int64_t>(std::min(16.0, all / 1e6)),
                                                      (std::int64_t{1} << 24) / (call.outputs * width)),
                               1, blocks);
  Tensor pieces = Tensor::uninitialized(op, {call.groups * parts, call.outputs, width}, x.kind());
  dispatch(x.dtype(), [&]<class T>() {
    const T *const from = wide.data<T>(), *const cotangents = dy.data<T>();
    T *const piece = pieces.mutable_data<T>(), *const to = dweight.mutable_data<T>();
    const std::int64_t size = call.outputs * width;
    parallel_ranges(call.groups * parts, items_per_thread(all / static_cast<double>(parts)),
                    [&](std::int64_t begin, std::int64_t end) {
                      for (std::int64_t i = begin; i < end; ++i) {
                        const std::int64_t group = i / parts, part = i % parts;
                        convolve_dweight_blocks<T>(layout, group, part * blocks / parts,
                                                   (part + 1) * blocks / parts, length, from, cotangents,
                                                   width, piece + i * size);
                      }
                    });
    parallel_ranges(call.groups * call.outputs, 1 + part_size / (parts * depth),
                    [&](std::int64_t begin, std::int64_t end) {
                      for (std::int64_t row = begin; row < end; ++row) {
                        const T* term =
                            piece + row / call.outputs * parts * size + row % call.outputs * width;
                        T* const sum = to + row * depth;
                        std::copy_n(term, depth, sum);
                        for (std::int64_t part = 1; part < parts; ++part) {
                          term += size;
                          for (std::int64_t k = 0; k < depth; ++k) sum[k] += term[k];
                        }
                      }
                    });
  });
  return dweight;
}

}  // namespace taper::kernels
#endif
