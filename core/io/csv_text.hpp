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
};

// The number that a field spells, in decimal or scientific notation, with a point whatever the locale.
// Throws, with the likely cause, if it spells none or one beyond the range of the dtype.
double csv_number(std::string_view field, char separator, DType dtype, const CsvPlace& place);

}  // namespace taper::internal
