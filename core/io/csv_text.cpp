// Text of CSV files: what is no text is refused, and what is no number is explained.
#include "csv_text.hpp"

#include "../charconv.hpp"
#include "../fail.hpp"
#include "files.hpp"
#include "safetensors.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <system_error>

namespace taper::internal {
namespace {

constexpr std::string_view separators = ",;\t|";
// What other programs write for a missing value.
constexpr std::string_view marks[] = {"NA", "N/A", "nan", "NaN", "null", "NULL", "None", "?", "-"};

std::string quoted(char separator) {
  return separator == '\t' ? "'\\t'" : std::string("'") + separator + "'";
}

// Sets `value` to the number that the whole field spells. Returns an error of std::from_chars, which
// takes no plus sign.
template <class T>
std::errc spelled(std::string_view field, T& value) {
  if (field.size() > 1 && field[0] == '+' && field[1] != '-') field.remove_prefix(1);
  const auto [end, error] = from_chars(field.data(), field.data() + field.size(), value);
  const bool whole = end == field.data() + field.size();
  const bool number = error == std::errc() ? std::isfinite(value) : error == std::errc::result_out_of_range;
  return whole && number ? error : std::errc::invalid_argument;
}

// Why a field is probably no number, and what to do about it; "" if nobody knows.
std::string cause(std::string_view field, char separator) {
  if (std::string wrong = wrong_text(field, separator); !wrong.empty()) return wrong;
  if (std::find(std::begin(marks), std::end(marks), field) != std::end(marks))
    return ": if it stands for a missing value, name it in CsvTableOptions::missing";
  if (field.find(',') == field.npos) return "";
  std::string point(field), plain(field);
  std::replace(point.begin(), point.end(), ',', '.');
  std::erase(plain, ',');
  double value = 0;
  if (spelled(point, value) != std::errc::invalid_argument)
    return ": is it a decimal comma? Numbers are written with a point";
  if (spelled(plain, value) != std::errc::invalid_argument)
    return ": are its digits grouped? Numbers are written without separators";
  return ": is ',' the separator? Then say .separator = ','";
}

}  // namespace

std::string read_csv(const char* op, const std::string& path, char separator) {
  if (separators.find(separator) == separators.npos) {
    fail(op, "separator must be ',', ';', '|' or a tab, got ", shown_field({&separator, 1}));
  }
  std::string bytes = read_file(op, path);
  if (bytes.starts_with("\xff\xfe") || bytes.starts_with("\xfe\xff") ||
      bytes.starts_with(std::string_view("\0\0\xfe\xff", 4))) {
    fail(op, path, ": is UTF-16 or UTF-32 by its byte order mark: save it as UTF-8");
  }
  // A tab that separates belongs to a row.
  bytes.resize(bytes.find_last_not_of(separator == '\t' ? " \r\n" : " \t\r\n") + 1);
  if (bytes.starts_with("\xef\xbb\xbf")) bytes.erase(0, 3);
  return bytes;
}

std::string_view without_blanks(std::string_view text, char separator) {
  const char* blanks = separator == '\t' ? " " : " \t";
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::string shown_field(std::string_view field) {
  std::string text(field.substr(0, 40));
  for (char& c : text) {
    if (!(c >= ' ' && c < 0x7f)) c = '?';
  }
  return "'" + text + (field.size() > text.size() ? "…'" : "'");
}

void CsvPlace::reject(const std::string& why) const {
  fail(op, path, ": line ", line, ", column ", column, name.empty() ? "" : " (" + shown(name) + ")", ": ",
       why);
}

std::string other_separator(std::string_view text, char separator) {
  for (const char other : separators) {
    if (other != separator && other != ',' && text.find(other) != text.npos)
      return ": is " + quoted(other) + " the separator? Then say .separator = " + quoted(other);
  }
  return "";
}

std::string wrong_text(std::string_view text, char separator) {
  if (text.find('\0') != text.npos) return std::string(": ") + zero_byte;
  if (text.find('\r') != text.npos) return std::string(": ") + lone_carriage_return;
  return other_separator(text, separator);
}

void CsvPlace::reject_columns(std::int64_t columns, std::string_view last, std::int64_t wanted,
                              std::string why) const {
  if (columns == 1 && last.empty()) why = ": it is empty";
  if (columns == wanted + 1 && last.empty()) why = ": it ends with a separator";
  if (why.empty() && columns > wanted)
    why = "; a separator inside a field needs quotes, and a number a decimal point";
  fail(op, path, ": line ", line, " has ", columns, " columns, wanted ", wanted, " as in the first line",
       why);
}

double csv_number(std::string_view field, char separator, DType dtype, const CsvPlace& place) {
  // A float32 that came by way of a double would be rounded twice.
  float narrow = 0;
  double value = 0;
  const std::errc error = dtype == float32 ? spelled(field, narrow) : spelled(field, value);
  if (error == std::errc()) return dtype == float32 ? narrow : value;
  if (error == std::errc::invalid_argument)
    place.reject(shown_field(field) + " is not a number" + cause(field, separator));
  // Too large, or so small that it becomes 0.
  if (dtype == float32 && spelled(field, value) == std::errc() && std::abs(value) < 1)
    return std::copysign(0.0, value);
  place.reject(shown_field(field) + " is beyond the range of " + (dtype == float32 ? "float32" : "float64"));
}

}  // namespace taper::internal
