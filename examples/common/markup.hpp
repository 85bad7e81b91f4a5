// What all parts of a page are written with: escaped text, and numbers as people write them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace example {

// A table: the first row is its head, the first column names the rows.
using Rows = std::vector<std::vector<std::string>>;

// The table in plain text, a line a row, with the columns aligned.
std::string aligned(const Rows& rows);

// The text with & < > " written as XML wants them. Bytes that no XML document may hold (broken UTF-8, and
// control characters except tab and newline) become U+FFFD.
std::string escaped(std::string_view text);

// A number with so many significant digits and no zeros at the end: 0.0123, 12.5, 12,500. NaN is "–".
std::string number(double value, int digits = 3);

// A number with so many decimals, for the columns of a table.
std::string fixed(double value, int decimals);

// A share as a percentage: 0.9876 is "98.8 %", and only 1 is "100 %".
std::string percent(double share);

// A time: "0.42 s", "12 s", "3 min 20 s", "2 h 5 min". NaN is "–".
std::string duration(double seconds);

// A coordinate in an SVG: two decimals at most.
std::string coordinate(double value);

// An SVG path of these classes; nothing if the path is empty.
std::string element(const std::string& path, const std::string& classes);

}  // namespace example
