// Numbers as text and back, one a line: native and WebAssembly builds have to write the same lines. The latter
// take the C library's way of core/charconv.cpp.
#include <taper/core/charconv.hpp>
#include <taper/core/random.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <sstream>
#include <string>

namespace {

using taper::Generator;

template <class T>
std::string text_of(T value) {
  char buffer[64];
  return {buffer, taper::internal::to_chars(buffer, buffer + sizeof buffer, value).ptr};
}

// How much was read, what is wrong, and the bits of the result.
template <class T, class Bits>
std::string reading(const std::string& text) {
  T value = 42;
  const auto [end, error] = taper::internal::from_chars(text.data(), text.data() + text.size(), value);
  std::ostringstream line;
  line << end - text.data() << ' '
       << (error == std::errc()                      ? "ok"
           : error == std::errc::invalid_argument    ? "invalid"
           : error == std::errc::result_out_of_range ? "out of range"
                                                     : "?")
       << ' ' << std::hex << (std::isnan(value) ? 0 : std::bit_cast<Bits>(value));
  return line.str();
}

class Lines {
 public:
  void value(double x) {
    const auto y = static_cast<float>(x);
    lines_ << text_of(x) << ' ' << text_of(y) << '\n';
  }
  void text(const std::string& text) {
    lines_ << '[' << text << "] " << reading<double, std::uint64_t>(text) << ' '
           << reading<float, std::uint32_t>(text) << '\n';
  }
  std::string str() const { return lines_.str(); }

 private:
  std::ostringstream lines_;
};

std::string printed(const char* format, int digits, double value) {
  char text[1100];
  std::snprintf(text, sizeof text, format, digits, value);
  return text;
}

std::string lines(std::uint64_t seed, int count) {
  Lines all;
  Generator random(seed);
  for (int exponent = -1074; exponent < 1024; ++exponent) {
    const double power = std::ldexp(1.0, exponent);
    for (double x : {power, std::nextafter(power, 0.0), std::nextafter(power, 1e308), -power}) {
      all.value(x);
      all.text(printed("%.*e", 16, x));
    }
  }
  for (double x :
       {0.0, -0.0, 1e22, 1e23, 123456789012345680.0, 16777216.0, 33554432.0, 1e5, 123456.0, 0.0001, 0.00001,
        std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    all.value(x);
  }
  for (const char* text : {"",
                           "-",
                           "+1",
                           "-+1",
                           "--1",
                           " 1",
                           "1 ",
                           ".",
                           "-.",
                           ".5",
                           "-.5",
                           "5.",
                           "1e",
                           "1e+",
                           "1e-x",
                           "1E5",
                           "1e05",
                           "0x10",
                           "-0x1p3",
                           "1.2.3",
                           "inf",
                           "-INF",
                           "infinity",
                           "infinit",
                           "nan",
                           "-nan",
                           "in",
                           "1e400",
                           "-1e400",
                           "1e-400",
                           "0e-400",
                           "0e400",
                           "1e39",
                           "1e-46",
                           "3.4028235677973366e38",
                           "3.4028235677973367e38",
                           "1.7976931348623158e308",
                           "1.7976931348623159e308",
                           "2.4703282292062327e-324",
                           "2.4703282292062328e-324",
                           "00012",
                           "abc",
                           "e5"}) {
    all.text(text);
  }
  for (int i = 0; i < count; ++i) {
    const auto any = std::bit_cast<double>(random.bits());
    const float any_float = std::bit_cast<float>(static_cast<std::uint32_t>(random.bits()));
    const double short_one =
        std::floor(random.uniform() * 1e6) / std::pow(10.0, std::floor(random.uniform() * 9));
    for (double x : {any, static_cast<double>(any_float), short_one, random.normal(),
                     std::floor(random.normal() * 1e18)}) {
      if (std::isnan(x)) continue;
      all.value(x);
      if (std::isinf(x)) continue;
      all.text(printed("%.*e", static_cast<int>(random.uniform() * 20), x));
      all.text(printed("%.*g", 1 + static_cast<int>(random.uniform() * 30), x));
    }
    // Half way between two floats, exactly and a little beside it: what only an exact reader gets right.
    const double low = std::abs(static_cast<double>(any_float));
    if (low > 1e-30 && low < 1e30) {
      const double half = (low + static_cast<double>(std::nextafter(std::abs(any_float), 1e30f))) / 2;
      std::string digits = printed("%.*f", 180, half);
      all.text(digits);
      all.text(digits + "1");
    }
  }
  return all.str();
}

}  // namespace

#ifdef __EMSCRIPTEN__
extern "C" [[gnu::used, gnu::visibility("default")]] const char* number_text(double seed, int count) {
  static std::string text;
  text = lines(static_cast<std::uint64_t>(seed), count);
  return text.c_str();
}
#else
int main(int, char** arguments) {
  std::cout << lines(std::strtoull(arguments[1], nullptr, 10), std::atoi(arguments[2]));
}
#endif
