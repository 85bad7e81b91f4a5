// Numbers, times and tables as people write them, on a terminal as on a page.
#pragma once

#include <string>
#include <vector>

namespace taper::training {

// A table: the first row is its head, the first column names the rows.
using Rows = std::vector<std::vector<std::string>>;

// The table in plain text, a line a row, with the columns aligned.
std::string aligned(const Rows& rows);

// A number with so many significant digits and no zeros at the end: 0.0123, 12.5, 12,500. NaN is "–".
std::string number(double value, int digits = 3);

// A number with so many decimals, for the columns of a table.
std::string fixed(double value, int decimals);

// A number with at most so many decimals, without zeros at the end.
std::string rounded(double value, int decimals);

// A share as a percentage: 0.9876 is "98.8 %", and only 1 is "100 %".
std::string percent(double share);

// A time: "0.42 s", "12 s", "3 min 20 s", "2 h 5 min". NaN is "–".
std::string duration(double seconds);

}  // namespace taper::training
