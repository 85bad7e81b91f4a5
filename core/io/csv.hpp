// CSV: tables of numbers in text files.
#pragma once

#include "../tensor.hpp"

#include <cstdint>
#include <string>

namespace taper {

struct CsvOptions {
  // How many lines at the top are skipped: names of columns, for instance.
  std::int64_t header_lines = 0;
  DType dtype = float32;
  char separator = ',';  // or ';', '|', '\t'
};

// Reads a table of numbers, one row a line and separators between them, as a tensor (rows, columns). A line
// ends in \n or \r\n, the last one need not; spaces and tabs around a number do not count, and neither do
// empty lines at the end or a byte order mark. A number is written in decimal or scientific notation, with a
// point whatever the locale, and rounded once, to the nearest of the dtype. Quoted fields, empty fields, NaN
// and infinities are not numbers here: load_csv_table (csv_table.hpp) reads columns by name, text and missing
// values.
//
// Throws, naming the file, the line and the column (both from 1) and the likely cause, if a field is not a
// number or lies beyond the range of the dtype (also if it is so small that even a float64 would be 0), or if a
// row has more or fewer columns than the first. Also throws if the file can't be read, is UTF-16, or holds no
// row.
Tensor load_csv(const std::string& path, const CsvOptions& options = {});

}  // namespace taper
