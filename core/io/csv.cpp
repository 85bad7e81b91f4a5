// CSV: tables of numbers in text files, read in one pass over the bytes.
#include "csv.hpp"

#include "../create.hpp"
#include "../fail.hpp"
#include "files.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <string_view>
#include <system_error>
#include <vector>

namespace taper {
namespace {

constexpr const char* name = "load_csv";

// The text before the next `separator`; both are removed from `rest`.
std::string_view take_until(std::string_view& rest, char separator) {
  const std::size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view taken = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return taken;
}

std::string_view trimmed(std::string_view text, const char* blanks) {
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// A field as a message shows it: not too long, and without bytes that would disturb a terminal.
std::string shown(std::string_view field) {
  std::string text(field.substr(0, 40));
  for (char& c : text) {
    if (!(c >= ' ' && c < 0x7f)) c = '?';
  }
  return "'" + text + (field.size() > text.size() ? "…'" : "'");
}

// Where the reader is, for its messages.
struct Place {
  const std::string& path;
  std::int64_t line, column;
};

double parse(std::string_view field, DType dtype, const Place& place) {
  std::string_view digits = field;
  // std::from_chars takes no plus sign.
  if (digits.size() > 1 && digits[0] == '+' && digits[1] != '-') digits.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool whole = end == digits.data() + digits.size();
  // From half a step above float32's largest number on, a number rounds to infinity.
  const double too_large = dtype == float32 ? 0x1.ffffffp127 : std::numeric_limits<double>::infinity();
  const auto reject = [&](const auto&... why) {
    fail(name, place.path, ": line ", place.line, ", column ", place.column, ": ", shown(field), why...);
  };
  if (!whole || error == std::errc::invalid_argument || !std::isfinite(value)) reject(" is not a number");
  if (error != std::errc() || std::abs(value) >= too_large) reject(" is beyond the range of ", dtype);
  return value;
}

}  // namespace

Tensor load_csv(const std::string& path, const CsvOptions& options) {
  if (options.header_lines < 0) {
    fail(name, "header_lines must not be negative, got ", options.header_lines);
  }
  const std::string bytes = internal::read_file(name, path);
  std::string_view rest = bytes;
  if (rest.substr(0, 3) == "\xef\xbb\xbf") rest.remove_prefix(3);
  // Blanks after the end of the last line are no rows.
  rest = rest.substr(0, rest.find_last_not_of(" \t\r\n") + 1);

  Place place{path, 0, 0};
  std::vector<double> values;
  std::int64_t rows = 0, columns = 0;
  while (!rest.empty()) {
    std::string_view line = take_until(rest, '\n');
    if (++place.line <= options.header_lines) continue;
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    std::int64_t count = 1;
    for (char c : line) count += c == ',';
    if (rows == 0) columns = count;
    if (count != columns) {
      fail(name, path, ": line ", place.line, " has ", count, " columns, wanted ", columns,
           " as in the first row");
    }
    for (place.column = 1; place.column <= columns; ++place.column) {
      values.push_back(parse(trimmed(take_until(line, ','), " \t"), options.dtype, place));
    }
    ++rows;
  }
  if (rows == 0) fail(name, path, ": holds no row of numbers");
  return tensor(values, {rows, columns}, options.dtype);
}

}  // namespace taper
