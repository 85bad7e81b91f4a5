// from_chars and to_chars by the C library, for standard libraries that have none: the same as std's, in any locale and
// rounding mode.
#include "support/german_locale.hpp"
#include "support/helpers.hpp"
#include "support/scratch.hpp"
#include <taper/core/charconv.hpp>

#include <bit>
#include <cfenv>
#include <clocale>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

namespace ours = internal::by_c_library;

template <class T>
std::string written(T value) {
  char text[64];
  return {text, ours::to_chars(text, text + sizeof text, value).ptr};
}

// How much was read, what is wrong, and the number.
template <class T>
struct Reading {
  std::ptrdiff_t size;
  std::errc error;
  T value;

  friend bool operator==(const Reading& a, const Reading& b) {
    const bool same = std::isnan(a.value)
                          ? std::isnan(b.value)
                          : a.value == b.value && std::signbit(a.value) == std::signbit(b.value);
    return same && a.size == b.size && a.error == b.error;
  }
};
template <class T>
Reading<T> reading(std::string_view text) {
  T value = 42;
  const auto [end, error] = ours::from_chars(text.data(), text.data() + text.size(), value);
  return {end - text.data(), error, value};
}
template <class T>
Reading<T> reading_by_std(std::string_view text) {
  T value = 42;
  const auto [end, error] = internal::from_chars(text.data(), text.data() + text.size(), value);
  return {end - text.data(), error, value};
}

constexpr std::errc ok{}, invalid = std::errc::invalid_argument, outside = std::errc::result_out_of_range;

void check_known_numbers() {
  const auto is = [](const char* text, std::ptrdiff_t size, double value) {
    EXPECT_EQ(reading<double>(text), (Reading<double>{size, ok, value})) << text;
  };
  is("1", 1, 1);
  is("-2.5e3", 6, -2500);
  is(".5", 2, 0.5);
  is("5.", 2, 5);
  is("1,5", 1, 1);
  is("1.000,5", 5, 1);
  is("1e", 1, 1);
  is("1e+", 1, 1);
  is("0x10", 1, 0);
  is("1.2.3", 3, 1.2);
  is("-0", 2, -0.0);
  is("0e400", 5, 0);
  is("inf", 3, std::numeric_limits<double>::infinity());
  is("-INFINITY", 9, -std::numeric_limits<double>::infinity());
  is("infinit", 3, std::numeric_limits<double>::infinity());
  is("nan(a_1)", 8, std::numeric_limits<double>::quiet_NaN());
  is("nan(-)", 3, std::numeric_limits<double>::quiet_NaN());
  is("0.1", 3, 0x1.999999999999ap-4);
  is("2.4703282292062328e-324", 23, 0x1p-1074);
  is("1.7976931348623158e308", 22, std::numeric_limits<double>::max());
  for (const char* text : {"", "-", "+1", " 1", ".", "-.", "e5", "abc", "--1", "in"})
    EXPECT_EQ(reading<double>(text), (Reading<double>{0, invalid, 42})) << text;
  for (const std::string text : {"1e400", "-1e400", "1e-400", "2.4703282292062327e-324",
                                 "1.7976931348623159e308", "1e99999999999999999999"})
    EXPECT_EQ(reading<double>(text), (Reading<double>{static_cast<std::ptrdiff_t>(text.size()), outside, 42}))
        << text;
  // Rounded once: by way of double it would be 1.
  EXPECT_EQ(reading<float>("1.00000005960464477540"), (Reading<float>{22, ok, 0x1.000002p0f}));
  const std::string many_zeros(5000, '0');
  EXPECT_EQ(reading<double>("0." + many_zeros + "1e5001").value, 1);
  EXPECT_EQ(reading<double>("1" + many_zeros + "e-5000").value, 1);

  EXPECT_EQ(written(0.1), "0.1");
  EXPECT_EQ(written(0.1f), "0.1");
  EXPECT_EQ(written(-1e22), "-1e+22");
  EXPECT_EQ(written(1e5), "1e+05");
  EXPECT_EQ(written(123456.0), "123456");
  EXPECT_EQ(written(123456.5), "123456.5");
  EXPECT_EQ(written(9007199254740993.0), "9007199254740992");
  EXPECT_EQ(written(0x1p-1074), "5e-324");
  EXPECT_EQ(written(std::numeric_limits<float>::max()), "3.4028235e+38");
  EXPECT_EQ(written(-0.0), "-0");
  EXPECT_EQ(written(-std::numeric_limits<double>::infinity()), "-inf");
  char small[3];
  EXPECT_EQ(ours::to_chars(small, small + 3, 0.25).ec, std::errc::value_too_large);
}

TEST(Charconv, ByTheCLibrary) { check_known_numbers(); }

TEST(Charconv, IsTheSameInEveryRoundingMode) {
  for (const int mode : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
    std::fesetround(mode);
    check_known_numbers();
    EXPECT_EQ(std::fegetround(), mode);
    std::fesetround(FE_TONEAREST);
  }
}

class CharconvInGerman : public Scratch {};

TEST_F(CharconvInGerman, IsTheSame) {
  const InGerman german(folder.string());
  EXPECT_STREQ(std::localeconv()->decimal_point, ",");
  check_known_numbers();
}

// If std has none, this compares ours with itself.
TEST(Charconv, AgreesWithStd) {
  Generator random(fresh_seed());
  const std::string_view alphabet = "0123456789.eE+-infatyINFn()x _";
  for (int i = 0; i < 3000; ++i) {
    const double any = std::bit_cast<double>(random.bits());
    const auto any_float = std::bit_cast<float>(static_cast<std::uint32_t>(random.bits()));
    for (const double x : {any, static_cast<double>(any_float), std::ldexp(1.0, i - 1074), random.normal()}) {
      if (std::isnan(x)) continue;
      char text[64];
      EXPECT_EQ(written(x), std::string(text, internal::to_chars(text, text + sizeof text, x).ptr));
      const auto narrow = static_cast<float>(x);
      EXPECT_EQ(written(narrow), std::string(text, internal::to_chars(text, text + sizeof text, narrow).ptr));
    }
    std::string text;
    for (auto size = static_cast<int>(random.uniform() * 9); size > 0; --size)
      text += alphabet[static_cast<std::size_t>(random.uniform() * static_cast<double>(alphabet.size()))];
    EXPECT_EQ(reading<double>(text), reading_by_std<double>(text)) << text;
    EXPECT_EQ(reading<float>(text), reading_by_std<float>(text)) << text;
  }
}

}  // namespace
}  // namespace taper::test
