// Sums over channels, compiled for each instruction set. Both moments are summed in one pass through memory:
// of a stretch that stays in the cache first the mean, and then the differences from it.
// foreach_target.h includes this file again, and the order matters:
// clang-format off
#include "../simd.hpp"
#define HWY_TARGET_INCLUDE "taper/ops/kernels/norm/batch_sums.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include "../vectors-inl.hpp"
// clang-format on

#include "batch_sums.hpp"

#include "../../../core/threads.hpp"
#include "../axis_view.hpp"

#include <algorithm>
#include <type_traits>

HWY_BEFORE_NAMESPACE();
namespace taper::kernels::HWY_NAMESPACE {

// The moments of n neighbouring elements of one channel.
template <class T>
ChannelMoments stretch_moments(const T* x, std::int64_t n) {
  const auto element = [x](auto d, std::int64_t i) HWY_ATTR { return two(hn::LoadU(d, x + i), hn::Zero(d)); };
  const T mean = static_cast<T>(sums_of<T>(n, element).a / static_cast<double>(n));
  const auto sums = sums_of<T>(n, [&](auto d, std::int64_t i) HWY_ATTR {
    const auto difference = hn::Sub(hn::LoadU(d, x + i), hn::Set(d, mean));
    return two(difference, hn::Mul(difference, difference));
  });
  const auto count = static_cast<double>(n);
  return {count, static_cast<double>(mean) + sums.a / count, sums.b - sums.a * sums.a / count};
}

// Calls body(d, i, at, count) for elements i and on of `count` rows of n, the first of which begins at `at`:
// four rows at a time, and the rest one by one.
template <class T, class Body>
HWY_INLINE void for_each_four(std::int64_t rows, std::int64_t n, const Body& body) {
  std::int64_t row = 0;
  for (; row + 4 <= rows; row += 4) {
    for_each_vector<T>(
        n, [&](auto d, std::int64_t i) HWY_ATTR { body(d, i, row * n, std::integral_constant<int, 4>()); });
  }
  for (; row < rows; ++row) {
    for_each_vector<T>(
        n, [&](auto d, std::int64_t i) HWY_ATTR { body(d, i, row * n, std::integral_constant<int, 1>()); });
  }
}

// The same for each of n columns of `rows` examples: their means, and the sums.
template <class T>
void column_moments(const T* x, std::int64_t rows, std::int64_t n, T* mean, T* differences, T* squares) {
  for (T* sums : {mean, differences, squares}) std::fill_n(sums, n, T{0});
  const T share = T{1} / static_cast<T>(rows);
  for_each_four<T>(rows, n, [=](auto d, std::int64_t i, std::int64_t at, auto count) HWY_ATTR {
    auto sum = hn::Zero(d);
    for (int k = 0; k < count; ++k) sum = hn::Add(sum, hn::LoadU(d, x + at + k * n + i));
    hn::StoreU(hn::MulAdd(sum, hn::Set(d, share), hn::LoadU(d, mean + i)), d, mean + i);
  });
  for_each_four<T>(rows, n, [=](auto d, std::int64_t i, std::int64_t at, auto count) HWY_ATTR {
    const auto m = hn::LoadU(d, mean + i);
    auto a = hn::LoadU(d, differences + i), b = hn::LoadU(d, squares + i);
    for (int k = 0; k < count; ++k) {
      const auto difference = hn::Sub(hn::LoadU(d, x + at + k * n + i), m);
      a = hn::Add(a, difference);
      b = hn::MulAdd(difference, difference, b);
    }
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
void column_sums(const T* dy, const T* x, const T* shifts, const T* rests, std::int64_t rows, std::int64_t n,
                 T* sums) {
  std::fill_n(sums, 2 * n, T{0});
  for_each_four<T>(rows, n, [=](auto d, std::int64_t i, std::int64_t at, auto count) HWY_ATTR {
    const auto shift = hn::LoadU(d, shifts + i), rest = hn::LoadU(d, rests + i);
    auto a = hn::LoadU(d, sums + i), b = hn::LoadU(d, sums + n + i);
    for (int k = 0; k < count; ++k) {
      const auto g = hn::LoadU(d, dy + at + k * n + i);
      a = hn::Add(a, g);
      b = hn::MulAdd(g, hn::Sub(hn::Sub(hn::LoadU(d, x + at + k * n + i), shift), rest), b);
    }
    hn::StoreU(a, d, sums + i);
    hn::StoreU(b, d, sums + n + i);
  });
}

TAPER_NAME_BOTH(stretch_moments);
TAPER_NAME_BOTH(column_moments);
TAPER_NAME_BOTH(stretch_sums);
TAPER_NAME_BOTH(column_sums);

}  // namespace taper::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::kernels {
namespace {

TAPER_EXPORT_BOTH(stretch_moments);
TAPER_EXPORT_BOTH(column_moments);
TAPER_EXPORT_BOTH(stretch_sums);
TAPER_EXPORT_BOTH(column_sums);

constexpr std::int64_t shortest_stretch = 64;  // of a channel, that is worth a line of its own
constexpr std::int64_t stretch = 4096;         // elements that stay in the first level of cache
constexpr std::int64_t block_rows = 64;        // examples whose columns are summed at once

// A sum over a channel is divided among threads, into parts of so many examples.
std::int64_t examples_per_part(const BatchLines& lines) {
  return lines.are_channels ? std::max<std::int64_t>(1, 4 * part_size / lines.inner) : block_rows;
}

// The moments of some elements of a channel together with those of others (Chan, Golub and LeVeque, 1983).
void add(ChannelMoments& total, const ChannelMoments& more) {
  if (total.count == 0) {
    total = more;
    return;
  }
  const double count = total.count + more.count, apart = more.mean - total.mean, share = more.count / count;
  total = {count, total.mean + apart * share,
           total.squares + more.squares + apart * apart * total.count * share};
}

}  // namespace

BatchLines batch_lines(const Tensor& x) {
  const AxisView view(x.shape(), 1);
  return {view.outer, view.length, view.inner, view.inner >= shortest_stretch};
}

template <class T>
Numbers<ChannelMoments> channel_moments(const BatchLines& lines, const T* x) {
  const std::int64_t channels = lines.channels, n = lines.n();
  const std::int64_t examples = examples_per_part(lines), parts = (lines.examples + examples - 1) / examples;
  Numbers<ChannelMoments> totals = numbers<ChannelMoments>(channels);
  if (lines.are_channels) {
    Numbers<ChannelMoments> sums = numbers<ChannelMoments>(parts * channels);
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
    return static_cast<double>(std::min(examples, lines.examples - part * examples));
  };
  parallel_for(parts, [&](std::int64_t part) {
    T* const of_part = sums.data() + part * 3 * n;
    column_moments<T>(x + part * examples * n, static_cast<std::int64_t>(rows_of(part)), n, of_part,
                      of_part + n, of_part + 2 * n);
  });
  // The means of all parts first, and then the squares of the differences from them, column by column.
  Numbers<double> means = numbers<double>(n), squares = numbers<double>(n);
  for (std::int64_t part = 0; part < parts; ++part) {
    const T* const of_part = sums.data() + part * 3 * n;
    const double share = rows_of(part) / static_cast<double>(lines.examples);
    double* const mean = means.data();
    for (std::int64_t i = 0; i < n; ++i)
      mean[i] += share * (of_part[i] + static_cast<double>(of_part[n + i]) / rows_of(part));
  }
  for (std::int64_t part = 0; part < parts; ++part) {
    const T* const of_part = sums.data() + part * 3 * n;
    const double rows = rows_of(part);
    double* const square = squares.data();
    for (std::int64_t i = 0; i < n; ++i) {
      const double missed = static_cast<double>(of_part[n + i]) / rows;
      const double apart = of_part[i] + missed - means[static_cast<std::size_t>(i)];
      square[i] += of_part[2 * n + i] + rows * (apart * apart - missed * missed);
    }
  }
  for (std::int64_t i = 0; i < n; ++i) {
    const auto place = static_cast<std::size_t>(i);
    add(totals[static_cast<std::size_t>(i / lines.inner)],
        {static_cast<double>(lines.examples), means[place], squares[place]});
  }
  return totals;
}

template <class T>
Numbers<double> channel_sums(const BatchLines& lines, const T* dy, const T* x, const T* m) {
  const std::int64_t channels = lines.channels, n = lines.n();
  const std::int64_t examples = examples_per_part(lines), parts = (lines.examples + examples - 1) / examples;
  Numbers<double> totals = numbers<double>(2 * channels);
  if (lines.are_channels) {
    Numbers<double> sums = numbers<double>(parts * channels * 2);
    parallel_for(parts * channels, [&](std::int64_t task) {
      const std::int64_t part = task / channels, c = task % channels;
      for (std::int64_t e = part * examples; e < std::min((part + 1) * examples, lines.examples); ++e) {
        const std::int64_t at = (e * channels + c) * n;
        stretch_sums<T>(dy + at, x + at, m[c], m[channels + c], n, sums.data() + 2 * task);
      }
    });
    for (std::int64_t task = 0; task < parts * channels; ++task) {
      for (std::int64_t k = 0; k < 2; ++k)
        totals[static_cast<std::size_t>(k * channels + task % channels)] +=
            sums[static_cast<std::size_t>(2 * task + k)];
    }
    return totals;
  }
  const Numbers<T> shifts = spread(lines, m), rests = spread(lines, m + channels);
  Numbers<T> sums = numbers<T>(parts * 2 * n);
  parallel_for(parts, [&](std::int64_t part) {
    const std::int64_t first = part * examples;
    column_sums<T>(dy + first * n, x + first * n, shifts.data(), rests.data(),
                   std::min(examples, lines.examples - first), n, sums.data() + part * 2 * n);
  });
  Numbers<double> of_columns = numbers<double>(2 * n);
  for (std::int64_t part = 0; part < parts; ++part) {
    const T* const of_part = sums.data() + part * 2 * n;
    std::transform(of_part, of_part + 2 * n, of_columns.begin(), of_columns.begin(),
                   [](T term, double total) { return total + static_cast<double>(term); });
  }
  for (std::int64_t i = 0; i < 2 * n; ++i)
    totals[static_cast<std::size_t>(i / lines.inner)] += of_columns[static_cast<std::size_t>(i)];
  return totals;
}

template Numbers<ChannelMoments> channel_moments(const BatchLines&, const float*);
template Numbers<ChannelMoments> channel_moments(const BatchLines&, const double*);
template Numbers<double> channel_sums(const BatchLines&, const float*, const float*, const float*);
template Numbers<double> channel_sums(const BatchLines&, const double*, const double*, const double*);

}  // namespace taper::kernels
#endif
