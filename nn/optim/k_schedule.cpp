// KSchedule: the formula, and its text.
#include "k_schedule.hpp"

#include "../../core/fail.hpp"
#include "../../core/io/number_text.hpp"
#include "call_text.hpp"

#include <algorithm>
#include <cmath>

namespace taper::nn {

namespace {
constexpr auto most = std::int64_t{1} << 53;  // a double still counts as far as this
}

KSchedule::KSchedule(std::int64_t dense, std::int64_t k, std::int64_t start, std::int64_t end)
    : dense_(dense), k_(k), start_(start), end_(end) {
  if (k < 1 || k > dense || dense > most) {
    fail("KSchedule", "wanted 1 <= k <= dense <= 2^53, got k ", k, ", dense ", dense);
  }
  if (start < 0 || start > end) {
    fail("KSchedule", "start must be between 0 and end, got start ", start, ", end ", end);
  }
}

std::int64_t KSchedule::operator()(std::int64_t step) const {
  if (step < 0) fail("KSchedule", "step must be at least 0, got ", step);
  if (step < start_) return dense_;
  if (step >= end_) return k_;
  const auto dense = static_cast<double>(dense_), k = static_cast<double>(k_);
  const double progress = static_cast<double>(step - start_) / static_cast<double>(end_ - start_);
  return std::clamp<std::int64_t>(std::llround(dense * std::pow(k / dense, progress)), k_, dense_);
}

std::string KSchedule::text() const {
  using internal::to_text;
  return "k_schedule(" + to_text(dense_) + ", " + to_text(k_) + ", " + to_text(start_) + ", " +
         to_text(end_) + ")";
}

KSchedule KSchedule::parse(const std::string& text) {
  CallReader reader("KSchedule::parse", text);
  if (reader.name() != "k_schedule") reader.fail_with("something else than k_schedule");
  const std::int64_t dense = reader.whole(), k = reader.whole(), start = reader.whole(), end = reader.whole();
  if (reader.goes_on()) reader.fail_with("a second call");
  return {dense, k, start, end};
}

}  // namespace taper::nn
