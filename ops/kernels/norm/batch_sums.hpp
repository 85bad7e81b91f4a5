// Sums over the channels of a batch, for batch_norm.
#pragma once

#include "../../../core/memory/pool.hpp"
#include "../../../core/tensor.hpp"

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

BatchLines batch_lines(const Tensor& x);

template <class T>
using Numbers = internal::PoolVector<T>;
template <class T>
Numbers<T> numbers(std::int64_t count) {
  return Numbers<T>(static_cast<std::size_t>(count), T{});
}

// The numbers of channels as those of the lines: a copy for each element if they are no channels.
template <class T>
Numbers<T> spread(const BatchLines& lines, const T* of_channels) {
  Numbers<T> result = numbers<T>(lines.numbers());
  if (result.empty()) return result;
  const std::int64_t each = lines.numbers() / lines.channels;
  for (std::size_t i = 0; i < result.size(); ++i)
    result[i] = of_channels[static_cast<std::int64_t>(i) / each];
  return result;
}

// The number of a channel's elements, their mean, and the sum of squares of the differences from it.
struct ChannelMoments {
  double count = 0, mean = 0, squares = 0;
};
// Here and below T is float or double, and the order of summing depends on the shape alone.
template <class T>
Numbers<ChannelMoments> channel_moments(const BatchLines& lines, const T* x);

// (2, channels): of each channel the sums of dy and of dy (x - m), where m is the sum of two numbers, (2,
// channels).
template <class T>
Numbers<double> channel_sums(const BatchLines& lines, const T* dy, const T* x, const T* m);

}  // namespace taper::kernels
