// Schedules of the learning rate and of k: compared with their formulas, as text, and their errors.
#include "support/helpers.hpp"
#include <taper/taper.hpp>

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

using nn::KSchedule;
using optim::Schedule;

TEST(Schedule, FollowsItsFormula) {
  const auto constant = Schedule::constant(0.3);
  const auto cosine = Schedule::cosine(0.5, 8, 0.1);
  const auto step = Schedule::step(0.5, 3, 0.1), exponential = Schedule::exponential(0.5, 0.75);
  for (std::int64_t s = 0; s < 20; ++s) {
    EXPECT_EQ(constant(s), 0.3);
    const double angle = std::acos(-1.0) * static_cast<double>(s) / 8;
    EXPECT_NEAR(cosine(s), s < 8 ? 0.1 + 0.2 * (1 + std::cos(angle)) : 0.1, 1e-15);
    EXPECT_NEAR(step(s), 0.5 * std::pow(0.1, std::floor(static_cast<double>(s) / 3)), 1e-15);
    EXPECT_NEAR(exponential(s), 0.5 * std::pow(0.75, static_cast<double>(s)), 1e-15);
    for (const Schedule& base : {constant, cosine, step, exponential}) {
      EXPECT_EQ(base.warm_up(4)(s), s < 4 ? base(s) * (static_cast<double>(s + 1) / 4) : base(s));
      EXPECT_EQ(base.warm_up(0)(s), base(s));
      EXPECT_EQ(base.warm_up(4).warm_up(2)(s), base.warm_up(2)(s));
    }
  }
  EXPECT_EQ(cosine(0), 0.5);
  EXPECT_EQ(cosine(std::numeric_limits<std::int64_t>::max()), 0.1);
  EXPECT_EQ(Schedule::cosine(0.5, 8)(8), 0);
  EXPECT_EQ(constant.warm_up(3)(0), 0.3 / 3);
  EXPECT_EQ(constant.warm_up(3)(2), 0.3);
}

TEST(Schedule, ReadsBackFromItsText) {
  EXPECT_EQ(Schedule::cosine(1e-3, 1000).warm_up(100).text(), "cosine(0.001, 1000, 0).warm_up(100)");
  EXPECT_EQ(Schedule::constant(0.5).text(), "constant(0.5)");
  EXPECT_EQ(Schedule::step(1e-7, 30, 0.5).text(), "step(1e-07, 30, 0.5)");
  EXPECT_EQ(Schedule::exponential(0.1, 0.95).warm_up(3).text(), "exponential(0.1, 0.95).warm_up(3)");
  const std::uint64_t seed = fresh_seed();
  SCOPED_TRACE("TAPER_SEED=" + std::to_string(seed));
  Generator generator(seed);
  const auto whole = [&] {
    return static_cast<std::int64_t>(generator.bits() >> 1 >> generator.bits() % 60);
  };
  const auto rate = [&] { return generator.uniform() * std::pow(10, 20 * generator.normal()); };
  for (int round = 0; round < 200; ++round) {
    for (const Schedule& base :
         {Schedule::constant(rate()), Schedule::cosine(rate(), 1 + whole() / 2, rate()),
          Schedule::step(rate(), 1 + whole() / 2, 1 - generator.uniform()),
          Schedule::exponential(rate(), 1 - generator.uniform())}) {
      for (const Schedule& schedule : {base, base.warm_up(whole())}) {
        const Schedule read = Schedule::parse(schedule.text());
        EXPECT_EQ(read, schedule) << schedule.text();
        EXPECT_EQ(read.text(), schedule.text());
        const std::int64_t step = whole();
        EXPECT_EQ(read(step), schedule(step));
      }
    }
  }
}

TEST(Schedule, Errors) {
  const double nan = std::nan("");
  expect_error("Schedule::constant", [] { Schedule::constant(-1); }, {"rate", "-1"});
  expect_error("Schedule::cosine", [&] { Schedule::cosine(nan, 3); }, {"rate", "nan"});
  expect_error("Schedule::cosine", [] { Schedule::cosine(1, 3, -0.5); }, {"last", "-0.5"});
  expect_error("Schedule::cosine", [] { Schedule::cosine(1, 0); }, {"steps", "at least 1", "0"});
  expect_error("Schedule::step", [] { Schedule::step(-2, 1, 1); }, {"rate", "-2"});
  expect_error("Schedule::step", [] { Schedule::step(1, 0, 1); }, {"every", "0"});
  expect_error("Schedule::step", [] { Schedule::step(1, 1, 0); }, {"factor", "0"});
  expect_error("Schedule::step", [] { Schedule::step(1, 1, 1.5); }, {"factor", "1.5"});
  expect_error("Schedule::exponential", [] { Schedule::exponential(-2, 1); }, {"rate", "-2"});
  expect_error("Schedule::exponential", [] { Schedule::exponential(1, 1.5); }, {"factor", "1.5"});
  expect_error("Schedule::warm_up", [] { Schedule::constant(1).warm_up(-1); }, {"steps", "-1"});
  expect_error("Schedule", [] { Schedule::constant(1)(-1); }, {"step", "-1"});
}

TEST(Schedule, TextErrors) {
  const auto refuse = [](const std::string& text, const std::string& says) {
    expect_error("Schedule::parse", [&] { Schedule::parse(text); }, {says, "'" + text + "'"});
  };
  refuse("", "no opening parenthesis");
  refuse("constant", "no opening parenthesis");
  refuse("linear(1)", "neither constant nor cosine nor step nor exponential");
  refuse("constant()", "wanted a number, got ''");
  refuse("constant(1", "wanted a number");
  refuse("constant(x)", "wanted a number, got 'x'");
  refuse("constant(1e999)", "wanted a number, got '1e999'");
  refuse("constant( 1)", "wanted a number, got ' 1'");
  refuse("constant(1, 2)", "too many arguments");
  refuse("constant(1)x", "something else than a call");
  refuse("constant(1).", "no opening parenthesis");
  refuse("constant(1).cool_down(2)", "something else than warm_up");
  refuse("constant(1).warm_up(2.5)", "wanted a whole number, got '2.5'");
  refuse("constant(1).warm_up(2).warm_up(3)", "a call after warm_up");
  refuse("exponential(1)", "too few arguments");
  refuse("exponential(1, 0.5, 1)", "too many arguments");
  refuse("cosine(1, 2)", "too few arguments");
  refuse("cosine(1,2,3)", "too few arguments");
  refuse("cosine(1, 9223372036854775808, 3)", "wanted a whole number");
  expect_error("Schedule::cosine", [] { Schedule::parse("cosine(inf, 2, 3)"); }, {"rate", "inf"});
}

TEST(KSchedule, IsDenseThenGeometricThenK) {
  const KSchedule schedule(64, 4, 10, 14);
  for (const auto& [step, k] : std::vector<std::pair<std::int64_t, std::int64_t>>{
           {0, 64}, {9, 64}, {10, 64}, {11, 32}, {12, 16}, {13, 8}, {14, 4}, {15, 4}, {1000000, 4}}) {
    EXPECT_EQ(schedule(step), k) << "step " << step;
  }
  // 10 (7/10)^(1/2) = 8.37, 10 (9/10)^(1/3) = 9.65: rounded to the nearest.
  EXPECT_EQ(KSchedule(10, 7, 0, 2)(1), 8);
  EXPECT_EQ(KSchedule(10, 9, 0, 3)(1), 10);
  EXPECT_EQ(KSchedule(8, 2, 5, 5)(4), 8);
  EXPECT_EQ(KSchedule(8, 2, 5, 5)(5), 2);
  EXPECT_EQ(KSchedule(8, 2, 0, 0)(0), 2);
}

TEST(KSchedule, NeverGrowsAndReadsBackFromItsText) {
  const std::uint64_t seed = fresh_seed();
  SCOPED_TRACE("TAPER_SEED=" + std::to_string(seed));
  Generator generator(seed);
  const auto below = [&](std::int64_t n) {
    return static_cast<std::int64_t>(generator.uniform() * static_cast<double>(n));
  };
  for (int round = 0; round < 200; ++round) {
    const std::int64_t dense = 1 + below(round % 2 ? 40 : 5000), k = 1 + below(dense), start = below(50);
    const KSchedule schedule(dense, k, start, start + below(1000));
    SCOPED_TRACE(schedule.text());
    EXPECT_EQ(KSchedule::parse(schedule.text()), schedule);
    std::int64_t before = dense;
    for (std::int64_t step = 0; step < 1100; ++step) {
      const std::int64_t now = schedule(step);
      ASSERT_LE(now, before);
      ASSERT_GE(now, k);
      before = now;
    }
    EXPECT_EQ(before, k);
  }
  const std::int64_t most = std::int64_t{1} << 53;
  EXPECT_EQ(KSchedule(most, 1, 0, 10)(0), most);
}

TEST(KSchedule, Errors) {
  expect_error("KSchedule", [] { KSchedule(8, 0, 0, 1); }, {"k 0", "dense 8"});
  expect_error("KSchedule", [] { KSchedule(8, 9, 0, 1); }, {"k 9", "dense 8"});
  expect_error("KSchedule", [] { KSchedule((std::int64_t{1} << 53) + 1, 9, 0, 1); }, {"2^53"});
  expect_error("KSchedule", [] { KSchedule(8, 2, -1, 1); }, {"start -1"});
  expect_error("KSchedule", [] { KSchedule(8, 2, 3, 2); }, {"start 3", "end 2"});
  expect_error("KSchedule", [] { KSchedule(8, 2, 0, 1)(-3); }, {"step", "-3"});
  const auto refuse = [](const std::string& text, const std::string& says) {
    expect_error("KSchedule::parse", [&] { KSchedule::parse(text); }, {says, "'" + text + "'"});
  };
  refuse("schedule(8, 2, 0, 1)", "something else than k_schedule");
  refuse("k_schedule(8, 2, 0)", "too few arguments");
  refuse("k_schedule(8, 2, 0, 1.5)", "wanted a whole number, got '1.5'");
  refuse("k_schedule(8, 2, 0, 1).warm_up(3)", "a second call");
}

}  // namespace
}  // namespace taper::test
