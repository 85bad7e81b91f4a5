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

#include <hwy/cache_control.h>

#ifndef TAPER_BATCH_SUMS
#define TAPER_BATCH_SUMS
namespace taper::kernels {

// The moments of some elements of a channel together with those of others (Chan, Golub and LeVeque, 1983).
inline void add(ChannelMoments& total, const ChannelMoments& more) {
  if (total.count == 0) {
    total = more;
    return;
  }
  const double count = total.count + more.count, apart = more.mean - total.mean, share = more.count / count;
  total = {count, total.mean + apart * share,
           total.squares + more.squares + apart * apart * total.count * share};
}

}  // namespace taper::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace taper::kernels::HWY_NAMESPACE {

// The moments of n neighbouring elements of one channel.
template <class T>
ChannelMoments stretch_moments(const T* x, std::int64_t n) {
  const auto element = [x](auto d, std::int64_t i) HWY_ATTR { return two(hn::LoadU(d, x + i), hn::Zero(d)); };
  const T mean = static_cast<T>(sums_of<T>(n, element).a / static_cast<double>(n));
  const auto sums = sums_of<T>(n, [&](auto d, std::int64_t i) HWY_ATTR {
    hwy::Prefetch(x + n + i);  // what comes next, while memory has nothing else to do
    const auto difference = hn::Sub(hn::LoadU(d, x + i), hn::Set(d, mean));
    return two(difference, hn::Mul(difference, difference));
  });
  const auto count = static_cast<double>(n);
  return {count, static_cast<double>(mean) + sums.a / count, sums.b - sums.a * sums.a / count};
}

// The moments of lines [begin, end), in the order in which they lie in memory.
template <class T>
void line_moments(const T* x, std::int64_t n, std::int64_t begin, std::int64_t end, ChannelMoments* moments) {
  constexpr std::int64_t stretch = 1024;  // elements that stay in the first level of cache
  for (std::int64_t line = begin; line < end; ++line) {
    moments[line] = {};
    for (std::int64_t i = 0; i < n; i += stretch)
      add(moments[line], stretch_moments(x + line * n + i, std::min(stretch, n - i)));
  }
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

constexpr std::int64_t block_rows = 64;  // examples that stay in the cache while they are read twice

// The means of each of n columns of `rows` examples, and the sums of squares of the differences from them: block by
// block, which are put together as by Chan, Golub and LeVeque (1983). There is room for 3 n numbers.
template <class T>
void column_moments(const T* x, std::int64_t rows, std::int64_t n, T* room, double* means,
                    double* all_squares) {
  T *const mean = room, *const differences = room + n, *const squares = room + 2 * n;
  for (std::int64_t row = 0; row < rows; row += block_rows, x += block_rows * n) {
    const std::int64_t count = std::min(block_rows, rows - row);
    std::fill_n(room, 3 * n, T{0});
    const T part = T{1} / static_cast<T>(count);
    for_each_four<T>(count, n, [=](auto d, std::int64_t i, std::int64_t at, auto each) HWY_ATTR {
      auto sum = hn::Zero(d);
      for (int k = 0; k < each; ++k) sum = hn::Add(sum, hn::LoadU(d, x + at + k * n + i));
      hn::StoreU(hn::MulAdd(sum, hn::Set(d, part), hn::LoadU(d, mean + i)), d, mean + i);
    });
    for_each_four<T>(count, n, [=](auto d, std::int64_t i, std::int64_t at, auto each) HWY_ATTR {
      const auto m = hn::LoadU(d, mean + i);
      auto a = hn::LoadU(d, differences + i), b = hn::LoadU(d, squares + i);
      for (int k = 0; k < each; ++k) {
        const auto difference = hn::Sub(hn::LoadU(d, x + at + k * n + i), m);
        a = hn::Add(a, difference);
        b = hn::MulAdd(difference, difference, b);
      }
      hn::StoreU(a, d, differences + i);
      hn::StoreU(b, d, squares + i);
    });
    const auto before = static_cast<double>(row), added = static_cast<double>(count);
    const double share = added / (before + added), inverse = 1 / added;
    for (std::int64_t i = 0; i < n; ++i) {
      const double missed = static_cast<double>(differences[i]) * inverse;
      const double apart = static_cast<double>(mean[i]) + missed - means[i];
      all_squares[i] +=
          static_cast<double>(squares[i]) - added * missed * missed + apart * apart * before * share;
      means[i] += apart * share;
    }
  }
}

// The sums of dy and of dy (x - m) over lines [begin, end), of which each channel has one in an example.
template <class T>
void line_sums(const T* dy, const T* x, const T* m, std::int64_t channels, std::int64_t n, std::int64_t begin,
               std::int64_t end, double* sums) {
  for (std::int64_t line = begin; line < end; ++line) {
    const T shift = m[line % channels], rest = m[channels + line % channels];
    const T *const cotangents = dy + line * n, *const values = x + line * n;
    const auto both = sums_of<T>(n, [=](auto d, std::int64_t i) HWY_ATTR {
      const auto g = hn::LoadU(d, cotangents + i);
      const auto centered = hn::Sub(hn::Sub(hn::LoadU(d, values + i), hn::Set(d, shift)), hn::Set(d, rest));
      return two(g, hn::Mul(g, centered));
    });
    sums[2 * line] = both.a, sums[2 * line + 1] = both.b;
  }
}

// The same for each of n columns of `rows` examples, added to sums and sums + n. There is room for 2 n numbers.
template <class T>
void column_sums(const T* dy, const T* x, const T* shifts, const T* rests, std::int64_t rows, std::int64_t n,
                 T* room, double* sums) {
  for (std::int64_t row = 0; row < rows; row += block_rows) {
    std::fill_n(room, 2 * n, T{0});
    const std::int64_t first = row * n;
    for_each_four<T>(std::min(block_rows, rows - row), n,
                     [=](auto d, std::int64_t i, std::int64_t at, auto count) HWY_ATTR {
                       const auto shift = hn::LoadU(d, shifts + i), rest = hn::LoadU(d, rests + i);
                       auto a = hn::LoadU(d, room + i), b = hn::LoadU(d, room + n + i);
                       for (int k = 0; k < count; ++k) {
                         const std::int64_t place = first + at + k * n + i;
                         const auto g = hn::LoadU(d, dy + place);
                         a = hn::Add(a, g);
                         b = hn::MulAdd(g, hn::Sub(hn::Sub(hn::LoadU(d, x + place), shift), rest), b);
                       }
                       hn::StoreU(a, d, room + i);
                       hn::StoreU(b, d, room + n + i);
                     });
    for (std::int64_t i = 0; i < 2 * n; ++i) sums[i] += static_cast<double>(room[i]);
  }
}

TAPER_NAME_BOTH(line_moments);
TAPER_NAME_BOTH(column_moments);
TAPER_NAME_BOTH(line_sums);
TAPER_NAME_BOTH(column_sums);

}  // namespace taper::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::kernels {
namespace {

TAPER_EXPORT_BOTH(line_moments);
TAPER_EXPORT_BOTH(column_moments);
TAPER_EXPORT_BOTH(line_sums);
TAPER_EXPORT_BOTH(column_sums);

constexpr std::int64_t shortest_stretch = 64;  // of a channel, that is worth a line of its own

// Examples are divided among threads, so many at a time.
std::int64_t examples_per_part(std::int64_t n) {
  return std::max<std::int64_t>(1, 8 * part_size / std::max<std::int64_t>(1, n));
}

// Calls body(begin, end) for ranges of lines, on several threads.
template <class Body>
void for_each_range(const BatchLines& lines, const Body& body) {
  parallel_ranges(lines.count(), 1 + 2 * part_size / lines.inner, body);
}

}  // namespace

BatchLines batch_lines(const Tensor& x) {
  const AxisView view(x.shape(), 1);
  return {view.outer, view.length, view.inner, view.inner >= shortest_stretch};
}

template <class T>
Numbers<ChannelMoments> channel_moments(const BatchLines& lines, const T* x) {
  const std::int64_t channels = lines.channels, n = lines.n();
  Numbers<ChannelMoments> totals = numbers<ChannelMoments>(channels);
  if (lines.are_channels) {
    Numbers<ChannelMoments> of_lines = numbers<ChannelMoments>(lines.count());
    for_each_range(lines, [&](std::int64_t begin, std::int64_t end) {
      line_moments<T>(x, n, begin, end, of_lines.data());
    });
    for (std::int64_t line = 0; line < lines.count(); ++line)
      add(totals[static_cast<std::size_t>(line % channels)], of_lines[static_cast<std::size_t>(line)]);
    return totals;
  }
  const std::int64_t examples = examples_per_part(n), parts = (lines.examples + examples - 1) / examples;
  Numbers<double> sums = numbers<double>(parts * 2 * n);
  const auto rows_of = [&](std::int64_t part) {
    return std::min(examples, lines.examples - part * examples);
  };
  parallel_for(parts, [&](std::int64_t part) {
    Numbers<T> room = numbers<T>(3 * n);
    double* const of_part = sums.data() + part * 2 * n;
    column_moments<T>(x + part * examples * n, rows_of(part), n, room.data(), of_part, of_part + n);
  });
  Numbers<ChannelMoments> of_columns = numbers<ChannelMoments>(n);
  for (std::int64_t part = 0; part < parts; ++part) {
    const double* const of_part = sums.data() + part * 2 * n;
    for (std::int64_t i = 0; i < n; ++i)
      add(of_columns[static_cast<std::size_t>(i)],
          {static_cast<double>(rows_of(part)), of_part[i], of_part[n + i]});
  }
  for (std::int64_t i = 0; i < n; ++i)
    add(totals[static_cast<std::size_t>(i / lines.inner)], of_columns[static_cast<std::size_t>(i)]);
  return totals;
}

template <class T>
Numbers<double> channel_sums(const BatchLines& lines, const T* dy, const T* x, const T* m) {
  const std::int64_t channels = lines.channels, n = lines.n();
  Numbers<double> totals = numbers<double>(2 * channels);
  if (lines.are_channels) {
    Numbers<double> sums = numbers<double>(2 * lines.count());
    for_each_range(lines, [&](std::int64_t begin, std::int64_t end) {
      line_sums<T>(dy, x, m, channels, n, begin, end, sums.data());
    });
    for (std::int64_t line = 0; line < lines.count(); ++line) {
      for (std::int64_t k = 0; k < 2; ++k)
        totals[static_cast<std::size_t>(k * channels + line % channels)] +=
            sums[static_cast<std::size_t>(2 * line + k)];
    }
    return totals;
  }
  const std::int64_t examples = examples_per_part(n), parts = (lines.examples + examples - 1) / examples;
  const Numbers<T> shifts = spread(lines, m), rests = spread(lines, m + channels);
  Numbers<double> sums = numbers<double>(parts * 2 * n);
  parallel_for(parts, [&](std::int64_t part) {
    Numbers<T> room = numbers<T>(2 * n);
    const std::int64_t first = part * examples;
    column_sums<T>(dy + first * n, x + first * n, shifts.data(), rests.data(),
                   std::min(examples, lines.examples - first), n, room.data(), sums.data() + part * 2 * n);
  });
  for (std::int64_t part = 1; part < parts; ++part) {
    for (std::int64_t i = 0; i < 2 * n; ++i)
      sums[static_cast<std::size_t>(i)] += sums[static_cast<std::size_t>(part * 2 * n + i)];
  }
  for (std::int64_t i = 0; i < 2 * n; ++i)
    totals[static_cast<std::size_t>(i / lines.inner)] += sums[static_cast<std::size_t>(i)];
  return totals;
}

template Numbers<ChannelMoments> channel_moments(const BatchLines&, const float*);
template Numbers<ChannelMoments> channel_moments(const BatchLines&, const double*);
template Numbers<double> channel_sums(const BatchLines&, const float*, const float*, const float*);
template Numbers<double> channel_sums(const BatchLines&, const double*, const double*, const double*);

}  // namespace taper::kernels
#endif
