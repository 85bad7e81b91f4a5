// The random stream, pinned bit by bit. The expected numbers come from golden/random_stream.py, which
// computes them from the published algorithms.
#include "support/helpers.hpp"
#include <taper/taper.hpp>

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

TEST(Generator, UniformStreamIsPinned) {
  Generator zero(0), forty_two(42);
  for (double expected :
       {0x1.4741be2e5a0ecp-3, 0x1.fbfa74f87c81fp-1, 0x1.442642fe065d0p-5, 0x1.31ead2079dc7fp-1}) {
    EXPECT_EQ(zero.uniform(), expected);
  }
  for (double expected :
       {0x1.82a3befaddcbcp-1, 0x1.472f1f73724a0p-1, 0x1.81192cfe1cbcfp-1, 0x1.171621fc50d68p-3}) {
    EXPECT_EQ(forty_two.uniform(), expected);
  }
}

TEST(Generator, NormalStreamIsPinned) {
  Generator zero(0), forty_two(42);
  for (double expected : {-0x1.ece008b6223b9p-2, 0x1.a17559eca5e3fp-4, 0x1.0a30cee39725cp-4,
                          -0x1.5c78002cd6724p-1, 0x1.e2e620116a277p+0, -0x1.189b3fbdecb34p+0}) {
    EXPECT_EQ(zero.normal(), expected);
  }
  for (double expected : {0x1.4b37d0b4daa8fp+0, 0x1.68f438d8aec29p-1, 0x1.978762f4a05dcp-2,
                          -0x1.25efc127557c4p-1, 0x1.1e599fb914974p+0, -0x1.e81c87dfcf307p+0}) {
    EXPECT_EQ(forty_two.normal(), expected);
  }
}

TEST(Generator, TensorsFollowTheStream) {
  Generator stream(42), generator(42);
  const Tensor x = randn({2, 3}, generator, float64);
  for (double value : x.to_vector()) EXPECT_EQ(value, stream.normal());
  const Tensor u = uniform({3}, -1, 3, generator, float64);
  for (double value : u.to_vector()) EXPECT_EQ(value, -1 + 4 * stream.uniform());
}

TEST(Generator, Float32IsTheRoundedFloat64) {
  Generator a(7), b(7);
  const Tensor narrow = randn({100}, a), wide = randn({100}, b, float64);
  EXPECT_EQ(narrow.dtype(), float32);
  expect_same(narrow, cast(wide, float32));
}

TEST(Generator, TheDefaultOneStartsAtSeed0InEachThread) {
  Generator fresh;
  const Tensor expected = randn({3}, fresh);
  Tensor in_thread;
  std::thread([&] { in_thread = randn({3}); }).join();
  expect_same(in_thread, expected);

  default_generator() = Generator(42);
  Generator forty_two(42);
  expect_same(randn({3}), randn({3}, forty_two));
  expect_same(uniform({3}, 0, 1), uniform({3}, 0, 1, forty_two));
  default_generator() = Generator();
}

TEST(Generator, LikeAnotherTensor) {
  const Tensor like = zeros({2, 3}, float64);
  Generator a(7), b(7);
  expect_same(randn_like(like, a), randn({2, 3}, b, float64));
  expect_same(uniform_like(like, -1, 2, a), uniform({2, 3}, -1, 2, b, float64));
  default_generator() = Generator(7);
  Generator c(7);
  expect_same(randn_like(ones({4})), randn({4}, c));
  expect_same(uniform_like(ones({4}), 0, 1), uniform({4}, 0, 1, c));
  default_generator() = Generator();
  expect_error("randn_like", [] { randn_like(Tensor()); }, {"like is an empty handle"});
  expect_error("uniform_like", [] { uniform_like(Tensor(), 0, 1); }, {"like is an empty handle"});
}

TEST(Generator, IntegersFollowTheStream) {
  Generator stream(42), generator(42);
  const Indices dice = randint({2, 3}, 1, 7, generator);
  EXPECT_TRUE(dice.shape() == (Shape{2, 3}));
  for (std::int64_t i = 0; i < 6; ++i) EXPECT_EQ(dice[i], 1 + static_cast<std::int64_t>(stream.bits() % 6));
  default_generator() = Generator(42);
  EXPECT_EQ(randint({1}, 1, 7)[0], dice[0]);
  default_generator() = Generator();
}

// In [-2^63, 2^63 - 1), in which high - low overflows, nearly every draw counts; of 3 * 2^62 numbers, every
// fourth is drawn again.
TEST(Generator, IntegersReachBothEndsAndNothingElse) {
  Generator generator(3);
  const Indices dice = randint({6000}, -2, 1, generator);
  std::vector<int> counts(3);
  for (std::int64_t i = 0; i < dice.size(); ++i) ++counts.at(static_cast<std::size_t>(dice[i] + 2));
  for (const int count : counts) EXPECT_NEAR(count, 2000, 5 * std::sqrt(6000 * 2.0 / 9));

  constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
  int negative = 0;
  const Indices wide = randint({1000}, least, largest, generator);
  for (std::int64_t i = 0; i < wide.size(); ++i) negative += wide[i] < 0;
  EXPECT_NEAR(negative, 500, 80);
  constexpr std::int64_t quarter = std::int64_t{1} << 62;
  int below_middle = 0;
  const Indices of_three_quarters = randint({3000}, least, quarter, generator);
  for (std::int64_t i = 0; i < of_three_quarters.size(); ++i) {
    EXPECT_LT(of_three_quarters[i], quarter);
    below_middle += of_three_quarters[i] < -quarter / 2;
  }
  EXPECT_NEAR(below_middle, 1500, 150);

  EXPECT_EQ(randint({1}, 5, 6, generator)[0], 5);
  EXPECT_EQ(randint({0, 3}, 0, 2, generator).size(), 0);
  expect_error("randint", [] { randint({2}, 3, 3); }, {"low 3", "high 3"});
  expect_error("randint", [] { randint({-2}, 0, 3); }, {"negative", "(-2,)"});
}

// Each mean of n samples lies within five of its standard deviations; one in 1.7 million normal numbers would
// not. The seed is fixed, so the test passes always or never.
TEST(Generator, HasTheMomentsOfItsDistributions) {
  constexpr std::int64_t n = 1000000;
  const double five = 5 / std::sqrt(static_cast<double>(n));
  Generator generator(3);
  const Tensor x = randn({n}, generator, float64);
  EXPECT_NEAR(mean(x).item(), 0, five);
  EXPECT_NEAR(mean(square(x)).item(), 1, five * std::sqrt(2.0));
  EXPECT_NEAR(mean(pow(x, 3)).item(), 0, five * std::sqrt(15.0));
  EXPECT_NEAR(mean(pow(x, 4)).item(), 3, five * std::sqrt(96.0));
  const Tensor u = uniform({n}, -1, 3, generator, float64);
  EXPECT_NEAR(mean(u).item(), 1, five * std::sqrt(4.0 / 3));
  EXPECT_NEAR(mean(square(u - 1.0)).item(), 4.0 / 3, five * std::sqrt(64.0 / 45));
}

// Rounding to float32 must leave neither end: over so narrow an interval half the values would round up.
TEST(Generator, UniformStaysWithinItsInterval) {
  Generator generator(1);
  const float low = 1, high = std::nextafter(std::nextafter(low, 2.0f), 2.0f);
  const Tensor narrow = uniform({1000}, low, high, generator);
  for (double value : narrow.to_vector()) {
    EXPECT_GE(value, low);
    EXPECT_LT(value, high);
  }
  const double high64 = std::nextafter(1.0, 2.0);
  const Tensor wide = uniform({100}, 1, high64, generator, float64);
  for (double value : wide.to_vector()) EXPECT_EQ(value, 1);
  const Tensor above = uniform({1000}, -0.1, -0.1 + 2e-8, generator);  // -0.1 rounds to a smaller float
  for (double value : above.to_vector()) EXPECT_GE(value, -0.1);
  const Tensor large = uniform({1000}, 0, 1, generator);
  EXPECT_LT(max(large).item(), 1);
}

// With and without a spare, at the beginning, within and after the engine's first block of 312 numbers.
TEST(Generator, GoesOnFromItsState) {
  for (int normals : {0, 1, 2, 7, 1001}) {
    for (int bits : {0, 1, 311, 312, 313}) {
      Generator one(17);
      for (int i = 0; i < normals; ++i) one.normal();
      for (int i = 0; i < bits; ++i) one.bits();
      Generator other(3);
      other.normal();  // leaves a spare, which must not stay
      other.set_state(one.state());
      EXPECT_EQ(other.state(), one.state());
      for (int i = 0; i < 3; ++i) EXPECT_EQ(other.normal(), one.normal());
      for (int i = 0; i < 1000; ++i) EXPECT_EQ(other.bits(), one.bits());
    }
  }
}

// The standard gives the 10000th number of the seed 5489 ([rand.predef]).
TEST(Generator, IsTheStandardEngine) {
  for (const std::uint64_t seed : {0u, 1u, 5489u, 4294967295u}) {
    Generator generator(seed);
    std::mt19937_64 standard(seed);
    for (int i = 0; i < 10000; ++i) ASSERT_EQ(generator.bits(), standard()) << seed << ' ' << i;
  }
  Generator generator(5489);
  for (int i = 0; i < 9999; ++i) generator.bits();
  EXPECT_EQ(generator.bits(), 9981545732273789042u);
}

// The same with each standard library: libstdc++'s text of the engine.
TEST(Generator, HasOneText) {
  const std::string fresh = Generator(0).state();
  EXPECT_EQ(fresh.substr(0, 34), "mt19937_64 0 1 6364136223846793007");
  EXPECT_EQ(fresh.substr(fresh.size() - 15), " 312 spare none");
#ifdef __GLIBCXX__
  Generator generator(5);
  std::mt19937_64 standard(5);
  for (int i = 0; i < 500; ++i) generator.bits(), standard();
  std::ostringstream text;
  text << "mt19937_64 " << standard << " spare none";
  EXPECT_EQ(generator.state(), text.str());
#endif
}

TEST(Generator, RefusesForeignTextAndStaysAsItWas) {
  Generator generator(5);
  generator.normal();
  const std::string state = generator.state();
  ASSERT_EQ(state.substr(0, 11), "mt19937_64 ");
  const std::size_t spare = state.rfind(' ') + 1;
  std::vector<std::string> foreign = {"",
                                      "mt19937_64",
                                      "mt19937 " + state.substr(11),
                                      state + " ",
                                      state + "0",
                                      state.substr(0, spare),
                                      state.substr(0, spare) + "None",
                                      state.substr(0, spare) + "7ff8000000000000",  // NaN
                                      state.substr(0, spare) + "7ff0000000000000",  // infinity
                                      state.substr(0, spare) + "3FF0000000000000",
                                      std::string(state.size(), '7'),
                                      "mt19937_64 -1" + state.substr(state.find(' ', 12))};
  for (std::size_t size = 0; size < state.size(); size += size < 6000 ? 97 : 1)
    foreign.push_back(state.substr(0, size));
  for (const std::string& text : foreign) {
    SCOPED_TRACE(text);
    expect_error("set_state", [&] { generator.set_state(text); });
    EXPECT_EQ(generator.state(), state);
  }
}

TEST(Generator, RefusesIntervalsThatAreNone) {
  const double inf = std::numeric_limits<double>::infinity();
  expect_error("uniform", [] { uniform({2}, 1, 1); }, {"low 1", "high 1"});
  expect_error("uniform", [] { uniform({2}, 2, 1); }, {"low 2", "high 1"});
  expect_error("uniform", [=] { uniform({2}, 0, inf); }, {"high inf"});
  expect_error("uniform", [] { uniform({2}, std::nan(""), 1); }, {"nan"});
  expect_error("uniform", [] { uniform({2}, 0.1, 0.1 + 1e-10); }, {"a float32 in [low, high)", "low 0.1"});
  expect_error("randn", [] { randn({-1}); }, {"(-1,)"});
  EXPECT_EQ(randn({0, 3}).size(), 0);
}

// So wide an interval that high - low overflows.
TEST(Generator, UniformOverTheWholeRange) {
  const double largest = std::numeric_limits<double>::max();
  Generator generator(1);
  const Tensor x = uniform({100}, -largest, largest, generator, float64);
  int negative = 0;
  for (double value : x.to_vector()) {
    EXPECT_TRUE(std::isfinite(value)) << value;
    negative += value < 0;
  }
  EXPECT_NEAR(negative, 50, 25);
}

// It would stay zero, and normal() would look for ever for a number that is not.
TEST(Generator, RefusesTheStateOfZeros) {
  Generator generator(3);
  const std::string before = generator.state(), position = before.substr(0, before.find(" spare"));
  std::string zeros = "mt19937_64";
  for (std::size_t i = 0; i < std::mt19937_64::state_size; ++i) zeros += " 0";
  expect_error("set_state", [&] { generator.set_state(zeros + " 313 spare none"); }, {"of another"});
  zeros += position.substr(position.rfind(' ')) + " spare none";
  expect_error("set_state", [&] { generator.set_state(zeros); }, {"all 0"});
  EXPECT_EQ(generator.state(), before);
}

}  // namespace
}  // namespace taper::test
