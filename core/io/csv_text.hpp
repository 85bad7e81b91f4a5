// What the readers of CSV share: a file as text without a byte order mark, and a field as a number.
#pragma once

#include "../dtype.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace taper::internal {

// The text of a file without a byte order mark and without the empty lines at its end. Throws if it can't be
// read, is UTF-16 or UTF-32 by its byte order mark, or if the separator is none of , ; | and tab.
std::string read_csv(const char* op, const std::string& path, char separator);

// The text without the spaces and tabs around it; a tab that separates is none of them.
std::string_view without_blanks(std::string_view text, char separator);

// Causes for messages.
inline constexpr const char* lone_carriage_return =
    "a carriage return alone ends no line; convert the line ends to \\n";
inline constexpr const char* zero_byte =
    "a zero byte stands in no text; if the file is UTF-16, save it as UTF-8";
// ": " and the question if another separator that stands in the text is meant; "" if there is none.
std::string other_separator(std::string_view text, char separator);
// ": " and one of these causes, if the text, in which numbers are expected, shows it; otherwise "".
std::string wrong_text(std::string_view text, char separator);

// A field as a message shows it: not too long, and without bytes that would disturb a terminal.
std::string shown_field(std::string_view field);

// Where a reader is, for its messages: line and column count from 1.
struct CsvPlace {
  const char* op;
  const std::string& path;
  std::int64_t line, column;
  std::string_view name = {};  // of the column, if it has one

  // Throws Error("[op] path: line 2, column 3 ('name'): " + why).
  [[noreturn]] void reject(const std::string& why) const;
  // Throws because the line has another number of columns than the first one. `last` is its last field.
  [[noreturn]] void reject_columns(std::int64_t columns, std::string_view last, std::int64_t wanted,
                                   std::string why) const;
};

// The number that a field spells, in decimal or scientific notation, with a point whatever the locale, rounded
// to the nearest of the dtype. Throws, with the likely cause, if it spells none or one beyond the range of the
// dtype.
double csv_number(std::string_view field, char separator, DType dtype, const CsvPlace& place);

}  // namespace taper::internal
