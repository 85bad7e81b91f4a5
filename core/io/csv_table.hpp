// CSV tables of numbers and text: columns by name, labels, missing values.
#pragma once

#include "../indices.hpp"
#include "../tensor.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace taper {

namespace internal {
struct CsvPlace;
}

struct CsvTableOptions {
  bool header = true;    // does the first line have the columns' names?
  char separator = ',';  // or ';', '|', '\t'
  // Fields that stand for a missing value, in quotes or not; "" is the empty field.
  std::vector<std::string> missing = {""};
};

struct CsvNumberOptions {
  // What stands in the tensor for a missing value, NaN for instance. If it is not given, such a value throws.
  std::optional<double> missing = {};
  DType dtype = float32;
};

struct CsvLabelOptions {
  // The label names if they are known already, as those of the training file are for the test file. By
  // default they are those in the column.
  std::vector<std::string> names = {};
  // The label name that a missing value gets. If it is not given, a missing value throws.
  std::optional<std::string> missing = {};
};

// A column as labels: row i has the name names[indices[i]].
struct CsvLabels {
  Indices indices;                 // (rows,)
  std::vector<std::string> names;  // each once
};

// A column by its name, or by its place: from 0, and -1 is the last.
class CsvColumn {
 public:
  CsvColumn(const char* name) : name_(name) {}
  CsvColumn(std::string name) : name_(std::move(name)) {}
  template <class Integer>
  requires std::is_integral_v<Integer> CsvColumn(Integer place)
      : place_(static_cast<std::int64_t>(place)), is_place_(true) {}

 private:
  friend class CsvTable;
  std::string name_;
  std::int64_t place_ = 0;
  bool is_place_ = false;
};

// The fields of a file as text, one after the other, from which columns are taken as numbers, labels or text.
// Every error names the file and the line (from 1), and the column by place (from 1) and name.
class CsvTable {
 public:
  std::int64_t rows() const { return static_cast<std::int64_t>(lines_.size()); }
  // The columns' names; empty without a header.
  const std::vector<std::string>& names() const { return names_; }
  // All columns but these, in the order of the file. Throws if there is no such column.
  std::vector<CsvColumn> all_but(const std::vector<CsvColumn>& columns) const;

  // Columns as a tensor (rows, columns), in the order of the list; an empty list means all. A number is
  // written as load_csv takes it. Throws if there is no such column, or several of that name, if a field is
  // no number or beyond the range of the dtype, and for a missing value unless the options have a number for
  // it.
  Tensor numbers(const std::vector<CsvColumn>& columns = {}, const CsvNumberOptions& options = {}) const;

  // A column as labels. Their names are sorted, as scikit-learn's LabelEncoder and pandas' categories are, so
  // that the order of the rows does not matter: as numbers if all of them are numbers, else byte by byte,
  // which for UTF-8 is the order of the code points. Throws if there is no such column, or several of that
  // name, for a missing value unless the options have a name for it, and if options.names lacks a name or
  // has one twice.
  CsvLabels labels(const CsvColumn& column, const CsvLabelOptions& options = {}) const;

  // A column as it stands, missing values too.
  std::vector<std::string> texts(const CsvColumn& column) const;

 private:
  friend CsvTable load_csv_table(const std::string& path, const CsvTableOptions& options);
  std::size_t place_of(const CsvColumn& column) const;
  std::string_view field(std::size_t row, std::size_t column) const;
  internal::CsvPlace at(std::size_t row, std::size_t column) const;
  bool is_missing(std::string_view field) const;

  std::string path_;
  CsvTableOptions options_;
  std::size_t columns_ = 0;
  std::vector<std::string> names_;
  std::vector<std::int64_t> lines_;  // for each row, in which line it begins
  std::string text_;                 // the fields, row by row, without quotes and separators
  std::vector<std::size_t> ends_;    // for each field, where it ends in text_
};

// Reads a table by RFC 4180 and what programs make of it. A line ends in \n or \r\n, the last one need not;
// empty lines at the end and a byte order mark do not count. Spaces and tabs around a field are left out. A
// field that begins with a quote goes on to the next one: inside, separators and line ends are text and "" is
// a quote. A quote further on in a field is text. The text is UTF-8.
//
// Throws, naming the file and the place, if a row has more or fewer fields than the first line, a quoted
// field never ends or is followed by text, a carriage return stands alone outside of quotes (the line end of
// old Macs), the file is not UTF-8 (or UTF-16), the names in the header are all numbers, or there is no row.
// Takes about three times the file's size in memory; load_csv, for numbers alone, less.
CsvTable load_csv_table(const std::string& path, const CsvTableOptions& options = {});

}  // namespace taper
