// The kernels of batch_norm, compiled for each instruction set.
// foreach_target.h includes this file again, and the order matters:
// clang-format off
#include "../simd.hpp"
#define HWY_TARGET_INCLUDE "taper/ops/kernels/norm/batch_normalize.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include "../vectors-inl.hpp"
// clang-format on

#include "batch_normalize.hpp"

#include "../../../core/threads.hpp"
#include "../backend.hpp"
#include "batch_sums.hpp"

#include <algorithm>
#include <cmath>

#include <hwy/cache_control.h>

#ifndef TAPER_BATCH_NORMALIZE
#define TAPER_BATCH_NORMALIZE
namespace taper::kernels {

// Numbers of the lines: m = shift + rest, and what the loops below multiply and add.
template <class T>
struct BatchNumbers {
  const T *shift, *rest, *factor, *offset, *slope;
  Stores stores;
};

}  // namespace taper::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace taper::kernels::HWY_NAMESPACE {

// The numbers of a kind for elements i and on of a line.
template <bool are_channels, class D, class T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> number(D d, const T* numbers, std::int64_t i) {
  if constexpr (are_channels) {
    return hn::Set(d, *numbers);
  } else {
    return hn::LoadU(d, numbers + i);
  }
}

template <bool are_channels, class T>
void scale_lines(const BatchLines& lines, const BatchNumbers<T>& all, const T* x, T* y, std::int64_t begin,
                 std::int64_t end) {
  const std::int64_t n = lines.n();
  for (std::int64_t line = begin; line < end; ++line) {
    const std::int64_t at = lines.first_number(line);
    const T* const from = x + line * n;
    T* const to = y + line * n;
    for_each_vector<T>(n, [&](auto d, std::int64_t i) HWY_ATTR {
      const auto value = [&](const T* numbers) HWY_ATTR { return number<are_channels>(d, numbers + at, i); };
      const auto centered = hn::Sub(hn::Sub(hn::LoadU(d, from + i), value(all.shift)), value(all.rest));
      store(d, hn::MulAdd(centered, value(all.factor), value(all.offset)), all.stores, to + i);
    });
  }
}

// y = (x - m) factor + offset for lines [begin, end).
template <class T>
void forward(const BatchLines& lines, const BatchNumbers<T>& all, const T* x, T* y, std::int64_t begin,
             std::int64_t end) {
  lines.are_channels ? scale_lines<true>(lines, all, x, y, begin, end)
                     : scale_lines<false>(lines, all, x, y, begin, end);
}

template <bool are_channels, class T>
void differentiate_lines(const BatchLines& lines, const BatchNumbers<T>& all, const T* dy, const T* x, T* dx,
                         std::int64_t begin, std::int64_t end) {
  const std::int64_t n = lines.n();
  for (std::int64_t line = begin; line < end; ++line) {
    const std::int64_t at = lines.first_number(line), start = line * n;
    for_each_vector<T>(n, [&](auto d, std::int64_t i) HWY_ATTR {
      const auto value = [&](const T* numbers) HWY_ATTR { return number<are_channels>(d, numbers + at, i); };
      const auto centered = hn::Sub(hn::Sub(hn::LoadU(d, x + start + i), value(all.shift)), value(all.rest));
      const auto rest = hn::Sub(hn::LoadU(d, dy + start + i), value(all.offset));
      store(d, hn::Mul(hn::NegMulAdd(centered, value(all.slope), rest), value(all.factor)), all.stores,
            dx + start + i);
    });
  }
}

// dx = factor (dy - offset - (x - m) slope) for lines [begin, end).
template <class T>
void backward(const BatchLines& lines, const BatchNumbers<T>& all, const T* dy, const T* x, T* dx,
              std::int64_t begin, std::int64_t end) {
  lines.are_channels ? differentiate_lines<true>(lines, all, dy, x, dx, begin, end)
                     : differentiate_lines<false>(lines, all, dy, x, dx, begin, end);
}

TAPER_NAME_BOTH(forward);
TAPER_NAME_BOTH(backward);

}  // namespace taper::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::kernels {
namespace {

TAPER_EXPORT_BOTH(forward);
TAPER_EXPORT_BOTH(backward);

// Calls body(begin, end) for ranges of lines, on several threads.
template <class Body>
void for_each_range(const BatchLines& lines, Stores stores, const Body& body) {
  parallel_ranges(lines.count(), 1 + part_size / std::max<std::int64_t>(1, lines.n()),
                  [&](std::int64_t begin, std::int64_t end) {
                    body(begin, end);
                    if (stores == Stores::past_cache) hwy::FlushStream();  // before another thread reads
                  });
}

}  // namespace

bool has_batch_normalize(const Tensor& x) { return !backend_of(x); }

BatchNormalized batch_normalize(const Tensor& x, const Tensor& gain, const Tensor& bias, double epsilon) {
  const BatchLines lines = batch_lines(x);
  const std::int64_t channels = lines.channels;
  const auto make = [&](const Shape& shape) { return Tensor::uninitialized("batch_norm", shape, x.dtype()); };
  BatchNormalized result{make(x.shape()), make({3, channels}), make({channels}), make({channels})};
  dispatch(x.dtype(), [&]<class T>() {
    const auto totals = channel_moments<T>(lines, x.data<T>());
    T *const moments = result.moments.mutable_data<T>(), *const mean = result.mean.mutable_data<T>();
    T* const variance = result.variance.mutable_data<T>();
    Numbers<T> factor = numbers<T>(channels);
    for (std::int64_t c = 0; c < channels; ++c) {
      const ChannelMoments& m = totals[static_cast<std::size_t>(c)];
      const double exact_mean = m.mean, exact_variance = m.squares / m.count;
      mean[c] = moments[c] = static_cast<T>(exact_mean);
      moments[channels + c] = static_cast<T>(exact_mean - static_cast<double>(mean[c]));
      variance[c] = static_cast<T>(exact_variance);
      moments[2 * channels + c] = static_cast<T>(1 / std::sqrt(exact_variance + epsilon));
      factor[static_cast<std::size_t>(c)] = moments[2 * channels + c] * gain.data<T>()[c];
    }
    const auto shift = spread(lines, moments), rest = spread(lines, moments + channels);
    const auto factors = spread(lines, factor.data()), offset = spread(lines, bias.data<T>());
    const BatchNumbers<T> all{.shift = shift.data(),
                              .rest = rest.data(),
                              .factor = factors.data(),
                              .offset = offset.data(),
                              .slope = nullptr,
                              .stores = stores_for(result.y, lines.n())};
    T* const y = result.y.mutable_data<T>();
    for_each_range(lines, all.stores, [&](std::int64_t begin, std::int64_t end) {
      forward<T>(lines, all, x.data<T>(), y, begin, end);
    });
  });
  return result;
}

Tensor batch_normalize_sums(const Tensor& dy, const Tensor& x, const Tensor& moments) {
  const BatchLines lines = batch_lines(x);
  const std::int64_t channels = lines.channels;
  Tensor result = Tensor::uninitialized("batch_norm", {2, channels}, x.dtype());
  dispatch(x.dtype(), [&]<class T>() {
    const T* const m = moments.data<T>();
    const Numbers<double> totals = channel_sums<T>(lines, dy.data<T>(), x.data<T>(), m);
    T* const out = result.mutable_data<T>();
    for (std::int64_t c = 0; c < channels; ++c) {
      out[c] = static_cast<T>(totals[static_cast<std::size_t>(c)]);
      out[channels + c] = static_cast<T>(totals[static_cast<std::size_t>(channels + c)] *
                                         static_cast<double>(m[2 * channels + c]));
    }
  });
  return result;
}

Tensor batch_normalize_dx(const Tensor& dy, const Tensor& x, const Tensor& gain, const Tensor& moments,
                          const Tensor& sums) {
  const BatchLines lines = batch_lines(x);
  const std::int64_t channels = lines.channels;
  Tensor dx = Tensor::uninitialized("batch_norm", x.shape(), x.dtype());
  dispatch(x.dtype(), [&]<class T>() {
    const T *const m = moments.data<T>(), *const total = sums.data<T>();
    const T count = static_cast<T>(lines.examples * lines.inner);
    Numbers<T> factor = numbers<T>(channels), offset = numbers<T>(channels), slope = numbers<T>(channels);
    for (std::int64_t c = 0; c < channels; ++c) {
      const auto place = static_cast<std::size_t>(c);
      factor[place] = gain.data<T>()[c] * m[2 * channels + c];
      offset[place] = total[c] / count;
      slope[place] = m[2 * channels + c] * total[channels + c] / count;
    }
    const auto shift = spread(lines, m), rest = spread(lines, m + channels);
    const auto factors = spread(lines, factor.data()), offsets = spread(lines, offset.data());
    const auto slopes = spread(lines, slope.data());
    const BatchNumbers<T> all{shift.data(),   rest.data(),   factors.data(),
                              offsets.data(), slopes.data(), stores_for(dx, lines.n())};
    T* const to = dx.mutable_data<T>();
    for_each_range(lines, all.stores, [&](std::int64_t begin, std::int64_t end) {
      backward<T>(lines, all, dy.data<T>(), x.data<T>(), to, begin, end);
    });
  });
  return dx;
}

}  // namespace taper::kernels
#endif
