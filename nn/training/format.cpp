// Digits by significance, without what says nothing.
#include "format.hpp"

#include "../../core/io/utf8.hpp"
#include "../../core/text.hpp"

#include <algorithm>
#include <cmath>
#include <iomanip>

namespace taper::training {
namespace {

// The number without zeros at the end of its decimals, and without a point at its end.
std::string shortened(std::string decimal) {
  if (decimal.find('.') == std::string::npos) return decimal;
  decimal.erase(decimal.find_last_not_of('0') + 1);
  if (decimal.back() == '.') decimal.pop_back();
  return decimal == "-0" ? "0" : decimal;
}

}  // namespace

std::string aligned(const Rows& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], internal::character_count(row[i]));
  }
  std::string out;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string space(widths[i] - internal::character_count(row[i]), ' ');
      out += i == 0 ? row[i] + space : "  " + space + row[i];
    }
    out += '\n';
  }
  return out;
}

std::string number(double value, int digits) {
  if (std::isnan(value)) return "–";
  if (std::isinf(value)) return value > 0 ? "∞" : "−∞";
  const double size = std::abs(value);
  if (size != 0 && (size < 1e-4 || size >= 1e15)) return internal::text(std::setprecision(digits), value);
  const int whole = size < 1 ? 0 : static_cast<int>(std::floor(std::log10(size))) + 1;
  // Below 1 the zeros after the point are no significant digits.
  const int zeros = size == 0 || size >= 1 ? 0 : static_cast<int>(-std::floor(std::log10(size))) - 1;
  std::string text = shortened(fixed(value, whole >= digits ? 0 : digits - whole + zeros));
  const std::size_t first = text[0] == '-' ? 1 : 0;
  std::size_t end = std::min(text.find('.'), text.size());
  if (end - first > 4) {
    for (; end - first > 3; end -= 3) text.insert(end - 3, ",");
  }
  return text;
}

std::string fixed(double value, int decimals) {
  return std::isfinite(value) ? internal::text(std::fixed, std::setprecision(decimals), value)
                              : number(value);
}

std::string rounded(double value, int decimals) { return shortened(fixed(value, decimals)); }

std::string percent(double share) {
  if (!std::isfinite(share)) return number(share);
  const std::string text = rounded(100 * share, 1);
  return (text == "100" && share < 1 ? "99.9" : text) + " %";  // only 1 is 100 %
}

std::string duration(double seconds) {
  if (!std::isfinite(seconds)) return number(seconds);
  if (seconds < 10) return number(seconds, 2) + " s";
  const auto whole = static_cast<long long>(std::lround(seconds));
  if (whole < 60) return std::to_string(whole) + " s";
  if (whole < 3600) return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
  return std::to_string(whole / 3600) + " h " + std::to_string(whole % 3600 / 60) + " min";
}

}  // namespace taper::training
