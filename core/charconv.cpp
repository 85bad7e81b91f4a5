// Numbers as text and back by the C library, which rounds correctly but looks at the locale and at how the thread rounds.
// What it is given has no decimal point, and of what it writes only the digits count.
#include "charconv.hpp"

#include <algorithm>
#include <cfenv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>

namespace taper::internal::by_c_library {
namespace {

class RoundingToNearest {
 public:
  RoundingToNearest() { std::fesetround(FE_TONEAREST); }
  ~RoundingToNearest() { std::fesetround(before_); }

 private:
  const int before_ = std::fegetround();
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

void parse(const std::string& text, float& value) { value = std::strtof(text.c_str(), nullptr); }
void parse(const std::string& text, double& value) { value = std::strtod(text.c_str(), nullptr); }

// 0.ddd… times a power of ten: positive.
struct Decimal {
  std::string digits;  // the first is not '0'
  std::int64_t point;  // how many of them stand before the decimal point

  template <class T>
  T value() const {
    T result;
    parse(digits + 'e' + std::to_string(point - static_cast<std::int64_t>(digits.size())), result);
    return result;
  }
  std::string scientific() const {
    const std::int64_t exponent = point - 1;
    const std::string size = std::to_string(std::abs(exponent));
    return digits.substr(0, 1) + (digits.size() > 1 ? "." + digits.substr(1) : "") +
           (exponent < 0 ? "e-" : "e+") + (size.size() < 2 ? "0" : "") + size;
  }
  std::string fixed() const {
    const auto count = static_cast<std::int64_t>(digits.size());
    if (point <= 0) return "0." + std::string(static_cast<std::size_t>(-point), '0') + digits;
    if (point >= count) return digits + std::string(static_cast<std::size_t>(point - count), '0');
    const auto before = static_cast<std::size_t>(point);
    return digits.substr(0, before) + "." + digits.substr(before);
  }
};

// The positive value rounded to so many digits.
template <class T>
Decimal rounded(T value, int digits) {
  char text[48];
  std::snprintf(text, sizeof text, "%.*e", digits - 1, static_cast<double>(value));
  const std::string_view view = text;
  const std::size_t e = view.find('e');
  Decimal decimal{{}, std::atoi(text + e + 1) + 1};
  std::copy_if(text, text + e, std::back_inserter(decimal.digits), is_digit);
  decimal.digits.resize(decimal.digits.find_last_not_of('0') + 1);
  return decimal;
}

// The next larger decimal of so many digits.
Decimal next(Decimal decimal, int digits) {
  decimal.digits.resize(static_cast<std::size_t>(digits), '0');
  std::size_t i = decimal.digits.size();
  while (i > 0 && decimal.digits[i - 1] == '9') --i;
  decimal.digits.resize(i);
  if (i > 0) {
    ++decimal.digits[i - 1];
  } else {
    decimal.digits = "1";
    ++decimal.point;
  }
  return decimal;
}

// A decimal of no more than digits10 digits comes back when the float nearest to it is rounded to digits10, so
// that fewer need not be tried, unless the value is subnormal. The floats below a power of two are nearer to it
// than those above. So a decimal above it may give it back although the nearest one, below, does not.
template <class T>
Decimal shortest(T value) {
  int exponent;
  const bool is_power_of_two = std::frexp(value, &exponent) == T(0.5);
  for (int digits = value < std::numeric_limits<T>::min() ? 1 : std::numeric_limits<T>::digits10;; ++digits) {
    const Decimal decimal = rounded(value, digits);
    if (decimal.value<T>() == value) return decimal;
    if (is_power_of_two && next(decimal, digits).value<T>() == value) return next(decimal, digits);
  }
}

template <class T>
std::string text_of(T value) {
  const std::string sign = std::signbit(value) ? "-" : "";
  if (std::isnan(value)) return sign + "nan";
  if (std::isinf(value)) return sign + "inf";
  if (value == 0) return sign + "0";
  const RoundingToNearest guard;
  const Decimal decimal = shortest(std::abs(value));
  const std::string scientific = decimal.scientific(), fixed = decimal.fixed();
  if (fixed.size() > scientific.size()) return sign + scientific;
  if (decimal.point <= static_cast<std::int64_t>(decimal.digits.size())) return sign + fixed;
  char exact[48];  // as many digits, all of them the value's own
  std::snprintf(exact, sizeof exact, "%.0f", static_cast<double>(std::abs(value)));
  return sign + exact;
}

template <class T>
std::to_chars_result write(char* first, char* last, T value) {
  const std::string text = text_of(value);
  if (last - first < static_cast<std::ptrdiff_t>(text.size())) return {last, std::errc::value_too_large};
  return {std::copy(text.begin(), text.end(), first), std::errc()};
}

// How much of [first, last) spells `word`, in either case: all of the word or nothing.
std::ptrdiff_t spelled(const char* first, const char* last, std::string_view word) {
  const auto size = static_cast<std::ptrdiff_t>(word.size());
  const bool same = last - first >= size &&
                    std::equal(word.begin(), word.end(), first, [](char a, char b) { return a == lower(b); });
  return same ? size : 0;
}

// Where a NaN ends that begins before `at`: nan or nan(letters, digits and underscores).
const char* nan_end(const char* at, const char* last) {
  if (at == last || *at != '(') return at;
  const char* const close = std::find_if_not(
      at + 1, last, [](char c) { return is_digit(c) || c == '_' || (lower(c) >= 'a' && lower(c) <= 'z'); });
  return close != last && *close == ')' ? close + 1 : at;
}

template <class T>
std::from_chars_result read(const char* first, const char* last, T& value) {
  const bool is_negative = first != last && *first == '-';
  const auto give = [&](const char* end, T magnitude) {
    value = is_negative ? -magnitude : magnitude;
    return std::from_chars_result{end, std::errc()};
  };
  const char* at = first + is_negative;
  if (const auto size = std::max(spelled(at, last, "infinity"), spelled(at, last, "inf")))
    return give(at + size, std::numeric_limits<T>::infinity());
  if (const auto size = spelled(at, last, "nan"))
    return give(nan_end(at + size, last), std::numeric_limits<T>::quiet_NaN());

  Decimal decimal{{}, 0};
  bool has_digits = false, has_point = false;
  for (; at != last && (is_digit(*at) || (*at == '.' && !has_point)); ++at) {
    if (*at == '.') {
      has_point = true;
      continue;
    }
    has_digits = true;
    if (*at != '0' || !decimal.digits.empty()) {
      decimal.digits += *at;
      decimal.point += !has_point;
    } else {
      decimal.point -= has_point;  // a zero after the point, before the first other digit
    }
  }
  if (!has_digits) return {first, std::errc::invalid_argument};

  if (at != last && lower(*at) == 'e') {
    const char* exponent_at = at + 1;
    const bool is_below = exponent_at != last && *exponent_at == '-';
    if (exponent_at != last && (*exponent_at == '-' || *exponent_at == '+')) ++exponent_at;
    if (exponent_at != last && is_digit(*exponent_at)) {
      std::int64_t exponent = 0;
      for (at = exponent_at; at != last && is_digit(*at); ++at)
        exponent = std::min<std::int64_t>(10 * exponent + (*at - '0'), std::int64_t{1} << 50);
      decimal.point += is_below ? -exponent : exponent;
    }
  }
  if (decimal.digits.empty()) return give(at, T{0});
  const RoundingToNearest guard;
  const T magnitude = decimal.value<T>();
  if (std::isinf(magnitude) || magnitude == 0) return {at, std::errc::result_out_of_range};
  return give(at, magnitude);
}

}  // namespace

std::from_chars_result from_chars(const char* first, const char* last, float& value) {
  return read(first, last, value);
}
std::from_chars_result from_chars(const char* first, const char* last, double& value) {
  return read(first, last, value);
}
std::to_chars_result to_chars(char* first, char* last, float value) { return write(first, last, value); }
std::to_chars_result to_chars(char* first, char* last, double value) { return write(first, last, value); }

}  // namespace taper::internal::by_c_library
