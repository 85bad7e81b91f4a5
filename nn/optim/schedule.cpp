// Schedule: the formulas, and their text.
#include "schedule.hpp"

#include "../../core/fail.hpp"
#include "../../core/io/number_text.hpp"
#include "call_text.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace taper::optim {
namespace {

void check_rate(const char* op, const char* name, double rate) {
  if (!(rate >= 0 && std::isfinite(rate))) {
    fail(op, name, " must be finite and at least 0, got ", rate);
  }
}

void check_count(const char* op, const char* name, std::int64_t count, std::int64_t least) {
  if (count < least) fail(op, name, " must be at least ", least, ", got ", count);
}

void check_factor(const char* op, double factor) {
  if (!(factor > 0 && factor <= 1)) fail(op, "factor must be in (0, 1], got ", factor);
}

}  // namespace

Schedule Schedule::constant(double rate) {
  check_rate("Schedule::constant", "rate", rate);
  return {Kind::constant, rate, 0, 0};
}

Schedule Schedule::cosine(double rate, std::int64_t steps, double last) {
  check_rate("Schedule::cosine", "rate", rate);
  check_rate("Schedule::cosine", "last", last);
  check_count("Schedule::cosine", "steps", steps, 1);
  return {Kind::cosine, rate, steps, last};
}

Schedule Schedule::step(double rate, std::int64_t every, double factor) {
  check_rate("Schedule::step", "rate", rate);
  check_count("Schedule::step", "every", every, 1);
  check_factor("Schedule::step", factor);
  return {Kind::step, rate, every, factor};
}

Schedule Schedule::exponential(double rate, double factor) {
  check_rate("Schedule::exponential", "rate", rate);
  check_factor("Schedule::exponential", factor);
  return {Kind::exponential, rate, 1, factor};
}

Schedule Schedule::warm_up(std::int64_t steps) const {
  check_count("Schedule::warm_up", "steps", steps, 0);
  Schedule result = *this;
  result.warm_up_ = steps;
  return result;
}

double Schedule::operator()(std::int64_t step) const {
  check_count("Schedule", "step", step, 0);
  const auto part = [](std::int64_t a, std::int64_t b) {
    return static_cast<double>(a) / static_cast<double>(b);
  };
  double rate = rate_;
  if (kind_ == Kind::cosine) {
    const double progress = part(std::min(step, steps_), steps_);
    rate = extra_ + (rate_ - extra_) * (1 + std::cos(std::numbers::pi * progress)) / 2;
  } else if (kind_ == Kind::step || kind_ == Kind::exponential) {
    rate *= std::pow(extra_, static_cast<double>(step / steps_));
  }
  return step < warm_up_ ? rate * part(step + 1, warm_up_) : rate;
}

std::string Schedule::text() const {
  using internal::to_text;
  std::string text;
  switch (kind_) {
    case Kind::constant:
      text = "constant(" + to_text(rate_) + ")";
      break;
    case Kind::cosine:
      text = "cosine(" + to_text(rate_) + ", " + to_text(steps_) + ", " + to_text(extra_) + ")";
      break;
    case Kind::step:
      text = "step(" + to_text(rate_) + ", " + to_text(steps_) + ", " + to_text(extra_) + ")";
      break;
    case Kind::exponential:
      text = "exponential(" + to_text(rate_) + ", " + to_text(extra_) + ")";
      break;
  }
  return warm_up_ > 0 ? text + ".warm_up(" + to_text(warm_up_) + ")" : text;
}

Schedule Schedule::parse(const std::string& text) {
  nn::CallReader reader("Schedule::parse", text);
  const auto read_base = [&]() -> Schedule {
    const std::string_view name = reader.name();
    if (name == "constant") return constant(reader.number());
    if (name != "cosine" && name != "step" && name != "exponential")
      reader.fail_with("neither constant nor cosine nor step nor exponential");
    const double rate = reader.number();
    if (name == "exponential") return exponential(rate, reader.number());
    const std::int64_t steps = reader.whole();
    const double extra = reader.number();
    return name == "cosine" ? cosine(rate, steps, extra) : step(rate, steps, extra);
  };
  Schedule schedule = read_base();
  if (reader.goes_on()) {
    if (reader.name() != "warm_up") reader.fail_with("something else than warm_up after the first call");
    schedule = schedule.warm_up(reader.whole());
    if (reader.goes_on()) reader.fail_with("a call after warm_up");
  }
  return schedule;
}

}  // namespace taper::optim
