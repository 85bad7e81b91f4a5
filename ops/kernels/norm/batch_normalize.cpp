// The kernels of batch_norm, compiled for each instruction set. Both moments are summed in one pass through
// memory: of a stretch that fits into the first level of cache, first the mean, then the differences from it.
// foreach_target.h includes this file again, and the order matters:
// clang-format off
#include "../simd.hpp"
#define HWY_TARGET_INCLUDE "taper/ops/kernels/norm/batch_normalize.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include "../vectors-inl.hpp"
// clang-format on

#include "batch_normalize.hpp"

#include "../../../core/memory/pool.hpp"
#include "../../../core/threads.hpp"
#include "../axis_view.hpp"
#include "../backend.hpp"

#include <algorithm>
#include <cmath>

#ifndef TAPER_BATCH_NORMALIZE
#define TAPER_BATCH_NORMALIZE
namespace taper::kernels {

// A tensor as lines of n neighbouring elements. Long stretches of one channel are a line each, and each line
// has one number of a kind; otherwise an example is a line, whose elements have a number each.
struct BatchLines {
  std::int64_t examples, channels, inner;
  bool are_channels;
  std::int64_t n() const { return are_channels ? inner : channels * inner; }
  std::int64_t count() const { return are_channels ? examples * channels : examples; }
  // How many numbers of a kind there are, and where those of a line begin.
  std::int64_t numbers() const { return are_channels ? channels : n(); }
  std::int64_t first_number(std::int64_t line) const { return are_channels ? line % channels : 0; }
};

// Numbers of the lines: m = shift + rest, and what the loops below multiply and add.
template <class T>
struct BatchNumbers {
  const T *shift, *rest, *factor, *offset, *slope;
};

// Some elements of a channel: their number, the sum of differences from `shift` and that of their squares.
struct PartialMoments {
  double count = 0, shift = 0, differences = 0, squares = 0;
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
      hn::StoreU(hn::MulAdd(centered, value(all.factor), value(all.offset)), d, to + i);
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
      hn::StoreU(hn::Mul(hn::NegMulAdd(centered, value(all.slope), rest), value(all.factor)), d,
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

// The moments of n neighbouring elements of one channel.
template <class T>
PartialMoments stretch_moments(const T* x, std::int64_t n) {
  const auto element = [x](auto d, std::int64_t i) HWY_ATTR { return two(hn::LoadU(d, x + i), hn::Zero(d)); };
  const T mean = static_cast<T>(sums_of<T>(n, element).a / static_cast<double>(n));
  const auto sums = sums_of<T>(n, [&](auto d, std::int64_t i) HWY_ATTR {
    const auto difference = hn::Sub(hn::LoadU(d, x + i), hn::Set(d, mean));
    return two(difference, hn::Mul(difference, difference));
  });
  return {static_cast<double>(n), static_cast<double>(mean), sums.a, sums.b};
}

// The same for each of n columns of `rows` examples: their means, and the sums.
template <class T>
void column_moments(const T* x, std::int64_t rows, std::int64_t n, T* mean, T* differences, T* squares) {
  for_each_vector<T>(n, [&](auto d, std::int64_t i) HWY_ATTR {
    auto sum = hn::Zero(d);
    for (std::int64_t row = 0; row < rows; ++row) sum = hn::Add(sum, hn::LoadU(d, x + row * n + i));
    const auto m = hn::Mul(sum, hn::Set(d, T{1} / static_cast<T>(rows)));
    auto a = hn::Zero(d), b = hn::Zero(d);
    for (std::int64_t row = 0; row < rows; ++row) {
      const auto difference = hn::Sub(hn::LoadU(d, x + row * n + i), m);
      a = hn::Add(a, difference);
      b = hn::MulAdd(difference, difference, b);
    }
    hn::StoreU(m, d, mean + i);
    hn::StoreU(a, d, differences + i);
    hn::StoreU(b, d, squares + i);
  });
}

// The sums of dy and of dy (x - m) for n neighbouring elements of one channel, added to sums[0] and sums[1].
template <class T>
void stretch_sums(const T* dy, const T* x, T shift, T rest, std::int64_t n, double* sums) {
  const auto both = sums_of<T>(n, [&](auto d, std::int64_t i) HWY_ATTR {
    const auto g = hn::LoadU(d, dy + i);
    const auto centered = hn::Sub(hn::Sub(hn::LoadU(d, x + i), hn::Set(d, shift)), hn::Set(d, rest));
    return two(g, hn::Mul(g, centered));
  });
  sums[0] += both.a;
  sums[1] += both.b;
}

// The same for each of n columns of `rows` examples, into sums and sums + n.
template <class T>
void column_sums(const T* dy, const T* x, const BatchNumbers<T>& all, std::int64_t rows, std::int64_t n,
                 T* sums) {
  for_each_vector<T>(n, [&](auto d, std::int64_t i) HWY_ATTR {
    const auto shift = hn::LoadU(d, all.shift + i), rest = hn::LoadU(d, all.rest + i);
    auto a = hn::Zero(d), b = hn::Zero(d);
    for (std::int64_t row = 0; row < rows; ++row) {
      const auto g = hn::LoadU(d, dy + row * n + i);
      a = hn::Add(a, g);
      b = hn::MulAdd(g, hn::Sub(hn::Sub(hn::LoadU(d, x + row * n + i), shift), rest), b);
    }
    hn::StoreU(a, d, sums + i);
    hn::StoreU(b, d, sums + n + i);
  });
}

TAPER_NAME_BOTH(forward);
TAPER_NAME_BOTH(backward);
TAPER_NAME_BOTH(stretch_moments);
TAPER_NAME_BOTH(column_moments);
TAPER_NAME_BOTH(stretch_sums);
TAPER_NAME_BOTH(column_sums);

}  // namespace taper::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::kernels {
namespace {

TAPER_EXPORT_BOTH(forward);
TAPER_EXPORT_BOTH(backward);
TAPER_EXPORT_BOTH(stretch_moments);
TAPER_EXPORT_BOTH(column_moments);
TAPER_EXPORT_BOTH(stretch_sums);
TAPER_EXPORT_BOTH(column_sums);

constexpr std::int64_t shortest_stretch = 64;  // of a channel, that is worth a line of its own
constexpr std::int64_t stretch = 4096;         // elements that stay in the first level of cache
constexpr std::int64_t block_rows = 64;        // examples whose columns are summed at once

template <class T>
using Numbers = internal::PoolVector<T>;
template <class T>
Numbers<T> numbers(std::int64_t count) {
  return Numbers<T>(static_cast<std::size_t>(count), T{});
}

BatchLines lines_of(const Tensor& x) {
  const AxisView view(x.shape(), 1);
  return {view.outer, view.length, view.inner, view.inner >= shortest_stretch};
}

// The numbers of channels as those of the lines: a copy for each element if they are no channels.
template <class T>
Numbers<T> spread(const BatchLines& lines, const T* of_channels) {
  Numbers<T> result = numbers<T>(lines.numbers());
  const std::int64_t each = lines.numbers() / lines.channels;
  for (std::size_t i = 0; i < result.size(); ++i)
    result[i] = of_channels[static_cast<std::int64_t>(i) / each];
  return result;
}

// Calls body(begin, end) for ranges of lines, on several threads.
template <class Body>
void for_each_range(const BatchLines& lines, const Body& body) {
  parallel_ranges(lines.count(), 1 + part_size / std::max<std::int64_t>(1, lines.n()), body);
}

// A sum over a channel is divided among threads, into parts of so many examples.
std::int64_t examples_per_part(const BatchLines& lines) {
  return lines.are_channels ? std::max<std::int64_t>(1, 4 * part_size / lines.inner) : block_rows;
}

// The moments of some elements together with others (Chan, Golub and LeVeque, 1983), with differences of 0.
PartialMoments together(const PartialMoments& a, const PartialMoments& b) {
  const double mean_a = a.shift + a.differences / a.count, mean_b = b.shift + b.differences / b.count;
  const double squares_a = a.squares - a.differences * a.differences / a.count;
  const double squares_b = b.squares - b.differences * b.differences / b.count;
  const double count = a.count + b.count, apart = mean_b - mean_a;
  return {count, mean_a + apart * (b.count / count), 0,
          squares_a + squares_b + apart * apart * (a.count * b.count / count)};
}
void add(PartialMoments& total, const PartialMoments& more) {
  total = total.count == 0 ? more : together(total, more);
}

// The moments of each channel.
template <class T>
internal::PoolVector<PartialMoments> channel_moments(const BatchLines& lines, const T* x) {
  const std::int64_t channels = lines.channels, n = lines.n();
  const std::int64_t examples = examples_per_part(lines), parts = (lines.examples + examples - 1) / examples;
  internal::PoolVector<PartialMoments> totals(static_cast<std::size_t>(channels));
  if (lines.are_channels) {
    internal::PoolVector<PartialMoments> sums(static_cast<std::size_t>(parts * channels));
    parallel_for(parts * channels, [&](std::int64_t task) {
      const std::int64_t part = task / channels, channel = task % channels;
      for (std::int64_t e = part * examples; e < std::min((part + 1) * examples, lines.examples); ++e) {
        const T* const line = x + (e * channels + channel) * n;
        for (std::int64_t i = 0; i < n; i += stretch)
          add(sums[static_cast<std::size_t>(task)], stretch_moments<T>(line + i, std::min(stretch, n - i)));
      }
    });
    for (std::int64_t task = 0; task < parts * channels; ++task)
      add(totals[static_cast<std::size_t>(task % channels)], sums[static_cast<std::size_t>(task)]);
    return totals;
  }
  Numbers<T> sums = numbers<T>(parts * 3 * n);
  const auto rows_of = [&](std::int64_t part) {
    return std::min(examples, lines.examples - part * examples);
  };
  parallel_for(parts, [&](std::int64_t part) {
    T* const of_part = sums.data() + part * 3 * n;
    column_moments<T>(x + part * examples * n, rows_of(part), n, of_part, of_part + n, of_part + 2 * n);
  });
  for (std::int64_t part = 0; part < parts; ++part) {
    const T* const of_part = sums.data() + part * 3 * n;
    for (std::int64_t i = 0; i < n; ++i) {
      add(totals[static_cast<std::size_t>(i / lines.inner)],
          {static_cast<double>(rows_of(part)), static_cast<double>(of_part[i]),
           static_cast<double>(of_part[n + i]), static_cast<double>(of_part[2 * n + i])});
    }
  }
  return totals;
}

}  // namespace

bool has_batch_normalize(const Tensor& x) { return !backend_of(x); }

BatchNormalized batch_normalize(const Tensor& x, const Tensor& gain, const Tensor& bias, double epsilon) {
  const BatchLines lines = lines_of(x);
  const std::int64_t channels = lines.channels;
  const auto make = [&](const Shape& shape) { return Tensor::uninitialized("batch_norm", shape, x.dtype()); };
  BatchNormalized result{make(x.shape()), make({3, channels}), make({channels}), make({channels})};
  dispatch(x.dtype(), [&]<class T>() {
    const auto totals = channel_moments<T>(lines, x.data<T>());
    T *const moments = result.moments.mutable_data<T>(), *const mean = result.mean.mutable_data<T>();
    T* const variance = result.variance.mutable_data<T>();
    Numbers<T> factor = numbers<T>(channels);
    for (std::int64_t c = 0; c < channels; ++c) {
      const PartialMoments& m = totals[static_cast<std::size_t>(c)];
      const double exact_mean = m.shift + m.differences / m.count;
      const double squares = (m.squares - m.differences * m.differences / m.count) / m.count;
      const double exact_variance = squares < 0 ? 0 : squares;  // NaN stays NaN
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
                              .slope = nullptr};
    T* const y = result.y.mutable_data<T>();
    for_each_range(lines, [&](std::int64_t begin, std::int64_t end) {
      forward<T>(lines, all, x.data<T>(), y, begin, end);
    });
  });
  return result;
}

Tensor batch_normalize_sums(const Tensor& dy, const Tensor& x, const Tensor& moments) {
  const BatchLines lines = lines_of(x);
  const std::int64_t channels = lines.channels, n = lines.n();
  const std::int64_t examples = examples_per_part(lines), parts = (lines.examples + examples - 1) / examples;
  Tensor result = Tensor::uninitialized("batch_norm", {2, channels}, x.dtype());
  dispatch(x.dtype(), [&]<class T>() {
    const T *const m = moments.data<T>(), *const values = x.data<T>(), *const g = dy.data<T>();
    Numbers<double> totals = numbers<double>(2 * channels);
    if (lines.are_channels) {
      Numbers<double> sums = numbers<double>(parts * channels * 2);
      parallel_for(parts * channels, [&](std::int64_t task) {
        const std::int64_t part = task / channels, c = task % channels;
        for (std::int64_t e = part * examples; e < std::min((part + 1) * examples, lines.examples); ++e) {
          const std::int64_t at = (e * channels + c) * n;
          stretch_sums<T>(g + at, values + at, m[c], m[channels + c], n, sums.data() + 2 * task);
        }
      });
      for (std::int64_t task = 0; task < parts * channels; ++task) {
        for (std::int64_t k = 0; k < 2; ++k)
          totals[static_cast<std::size_t>(k * channels + task % channels)] +=
              sums[static_cast<std::size_t>(2 * task + k)];
      }
    } else {
      const auto shift = spread(lines, m), rest = spread(lines, m + channels);
      const BatchNumbers<T> all{shift.data(), rest.data(), nullptr, nullptr, nullptr};
      Numbers<T> sums = numbers<T>(parts * 2 * n);
      parallel_for(parts, [&](std::int64_t part) {
        const std::int64_t first = part * examples;
        column_sums<T>(g + first * n, values + first * n, all, std::min(examples, lines.examples - first), n,
                       sums.data() + part * 2 * n);
      });
      for (std::int64_t i = 0; i < parts * 2 * n; ++i)
        totals[static_cast<std::size_t>(i / n % 2 * channels + i % n / lines.inner)] +=
            static_cast<double>(sums[static_cast<std::size_t>(i)]);
    }
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
  const BatchLines lines = lines_of(x);
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
    const BatchNumbers<T> all{shift.data(), rest.data(), factors.data(), offsets.data(), slopes.data()};
    T* const to = dx.mutable_data<T>();
    for_each_range(lines, [&](std::int64_t begin, std::int64_t end) {
      backward<T>(lines, all, dy.data<T>(), x.data<T>(), to, begin, end);
    });
  });
  return dx;
}

}  // namespace taper::kernels
#endif
