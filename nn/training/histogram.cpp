// Two passes: one for the range and the moments, one for the counts.
#include "histogram.hpp"

#include "../../core/fail.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace taper::training {
namespace {

template <class T>
Histogram counted(const T* x, std::int64_t size, std::int64_t bins) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  Histogram result{nan, nan, nan, nan, 0, std::vector<std::int64_t>(static_cast<std::size_t>(bins))};
  std::int64_t finite = 0;
  double sum = 0;
  for (std::int64_t i = 0; i < size; ++i) {
    const auto value = static_cast<double>(x[i]);
    if (!std::isfinite(value)) continue;
    result.low = finite == 0 ? value : std::min(result.low, value);
    result.high = finite == 0 ? value : std::max(result.high, value);
    sum += value;
    ++finite;
  }
  result.not_finite = size - finite;
  if (finite == 0) return result;

  result.mean = sum / static_cast<double>(finite);
  const double range = result.high - result.low;
  const auto bin_of = [&](double value) {
    if (range == 0) return std::int64_t{0};
    // The range of very large numbers overflows, unless they are halved first.
    const double part = std::isfinite(range)
                            ? (value - result.low) / range
                            : (value / 2 - result.low / 2) / (result.high / 2 - result.low / 2);
    return std::min(static_cast<std::int64_t>(part * static_cast<double>(bins)), bins - 1);
  };
  double squares = 0;
  for (std::int64_t i = 0; i < size; ++i) {
    const auto value = static_cast<double>(x[i]);
    if (!std::isfinite(value)) continue;
    squares += (value - result.mean) * (value - result.mean);
    ++result.counts[static_cast<std::size_t>(bin_of(value))];
  }
  result.deviation = std::sqrt(squares / static_cast<double>(finite));
  return result;
}

}  // namespace

Histogram histogram(const Tensor& x, std::int64_t bins) {
  if (bins < 1) fail("histogram", "wanted at least one bin, got ", bins);
  const Tensor host = x.detach().to(Device::cpu());
  return host.dtype() == float32 ? counted(host.data<float>(), host.size(), bins)
                                 : counted(host.data<double>(), host.size(), bins);
}

}  // namespace taper::training
