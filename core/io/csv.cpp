// CSV: tables of numbers in text files, read in one pass over the bytes.
#include "csv.hpp"

#include "../create.hpp"
#include "../fail.hpp"
#include "csv_text.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

namespace taper {
namespace {

constexpr const char* csv_op = "load_csv";

// The text before the next `separator`; both are removed from `rest`.
std::string_view take_until(std::string_view& rest, char separator) {
  const std::size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view taken = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return taken;
}

}  // namespace

Tensor load_csv(const std::string& path, const CsvOptions& options) {
  if (options.header_lines < 0) {
    fail(csv_op, "header_lines must not be negative, got ", options.header_lines);
  }
  const char separator = options.separator;
  const std::string bytes = internal::read_csv(csv_op, path, separator);
  std::string_view rest = bytes;

  internal::CsvPlace place{csv_op, path, 0, 0};
  std::vector<double> values;
  std::int64_t rows = 0, columns = 0;
  while (!rest.empty()) {
    std::string_view line = take_until(rest, '\n');
    if (++place.line <= options.header_lines) continue;
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    const std::int64_t count = 1 + std::count(line.begin(), line.end(), separator);
    if (rows == 0) columns = count;
    if (count != columns) {
      const std::string_view last = line.substr(line.rfind(separator) + 1);
      place.reject_columns(count, internal::without_blanks(last, separator), columns,
                           internal::wrong_text(line, separator));
    }
    for (place.column = 1; place.column <= columns; ++place.column) {
      const std::string_view field = internal::without_blanks(take_until(line, separator), separator);
      if (field.empty()) {
        place.reject(std::string("'' is not a number: ") +
                     (columns == 1              ? "the line is empty"
                      : place.column == columns ? "the line ends with a separator"
                                                : "the field is empty") +
                     "; load_csv_table reads missing values");
      }
      if (field.front() == '"') {
        place.reject(internal::shown_field(field) + " is not a number: load_csv_table reads quoted fields");
      }
      values.push_back(internal::csv_number(field, separator, options.dtype, place));
    }
    ++rows;
  }
  if (rows == 0) {
    const bool is_one_line = place.line == 1 && bytes.find('\r') != bytes.npos;
    fail(csv_op, path, ": holds no row of numbers", is_one_line ? ": " : "",
         is_one_line ? internal::lone_carriage_return : "");
  }
  return tensor(values, {rows, columns}, options.dtype);
}

}  // namespace taper
