// reduce_on_plateau: one walk over the values.
#include "plateau.hpp"

#include "../../core/fail.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace taper::optim {

double reduce_on_plateau(double rate, std::span<const double> values, const PlateauOptions& options) {
  const auto [factor, patience, threshold, last] = options;
  constexpr const char* op = "reduce_on_plateau";
  const auto is_rate = [](double x) { return x >= 0 && std::isfinite(x); };
  if (!is_rate(rate)) fail(op, "rate must be finite and at least 0, got ", rate);
  if (!is_rate(last)) fail(op, "last must be finite and at least 0, got ", last);
  if (!(factor > 0 && factor <= 1)) fail(op, "factor must be in (0, 1], got ", factor);
  if (patience < 0) fail(op, "patience must be at least 0, got ", patience);
  if (!(threshold >= 0 && threshold < 1)) fail(op, "threshold must be in [0, 1), got ", threshold);
  double best = std::numeric_limits<double>::infinity();
  std::int64_t waited = 0;
  for (const double value : values) {
    const double needed = std::isfinite(best) ? best - threshold * std::abs(best) : best;
    if (value < needed) {
      best = value;
      waited = 0;
    } else if (++waited > patience) {
      if (rate > last) rate = std::max(rate * factor, last);
      waited = 0;
    }
  }
  return rate;
}

}  // namespace taper::optim
