// CSV tables: a reader of fields, and columns taken from them.
#include "csv_table.hpp"

#include "../create.hpp"
#include "../fail.hpp"
#include "csv_text.hpp"
#include "number_text.hpp"
#include "safetensors.hpp"
#include "utf8.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

namespace taper {
namespace {

using internal::CsvPlace;
using internal::shown;

constexpr const char* csv_table_op = "load_csv_table";

bool is_number(std::string_view text, double& value) {
  return internal::from_text(text, value) && std::isfinite(value);
}

// Takes the rows from a text, one after the other.
class Reader {
 public:
  Reader(const std::string& path, std::string_view text, char separator)
      : path_(path), rest_(text), separator_(separator) {}

  bool at_end() const { return rest_.empty(); }
  std::int64_t line() const { return line_; }

  // Appends the fields of the next row to `text`, and their ends to `ends`. Was one of them in quotes?
  bool read_row(std::string& text, std::vector<std::size_t>& ends) {
    bool quoted = false;
    for (column_ = 1;; ++column_) {
      const std::size_t begin = text.size();
      skip_blanks();
      if (rest_.starts_with('"')) {
        read_quoted(text);
        quoted = true;
      } else {
        read_plain(text);
      }
      check(std::string_view(text).substr(begin));
      ends.push_back(text.size());
      if (rest_.empty()) return quoted;
      const char end = rest_.front();
      rest_.remove_prefix(1);
      if (end == separator_) continue;
      ++line_;
      return quoted;
    }
  }

 private:
  [[noreturn]] void reject(const std::string& why) const {
    CsvPlace{csv_table_op, path_, line_, column_}.reject(why);
  }

  void skip_blanks() {
    const std::size_t end = rest_.find_first_not_of(separator_ == '\t' ? " " : " \t");
    rest_.remove_prefix(std::min(end, rest_.size()));
  }

  // Up to the separator or the line end.
  void read_plain(std::string& text) {
    const char ends[] = {separator_, '\n'};
    std::string_view field = rest_.substr(0, rest_.find_first_of({ends, 2}));
    rest_.remove_prefix(field.size());
    if (rest_.starts_with('\n') && field.ends_with('\r')) field.remove_suffix(1);
    // UTF-16 has zero bytes beside it, which check() names.
    if (field.find('\r') != field.npos && field.find('\0') == field.npos)
      reject(internal::lone_carriage_return);
    text += internal::without_blanks(field, separator_);
  }

  // From the opening quote up to the separator or the line end behind the closing one.
  void read_quoted(std::string& text) {
    const std::int64_t first_line = line_;
    do {
      rest_.remove_prefix(1);
      const std::size_t quote = rest_.find('"');
      if (quote == rest_.npos) {
        line_ = first_line;
        reject("a quote opens a field that never ends");
      }
      const std::string_view piece = rest_.substr(0, quote);
      line_ += std::count(piece.begin(), piece.end(), '\n');
      text += piece;
      rest_.remove_prefix(quote + 1);
      if (rest_.starts_with('"')) text += '"';
    } while (rest_.starts_with('"'));
    skip_blanks();
    if (rest_.starts_with("\r\n")) rest_.remove_prefix(1);
    if (!rest_.empty() && rest_.front() != separator_ && rest_.front() != '\n')
      reject("text follows the closing quote; a quote inside a quoted field is written \"\"");
  }

  void check(std::string_view field) const {
    while (!field.empty()) {
      const std::size_t length = internal::character_length(field);
      if (length == 0 && field.front() == '\0') reject(internal::zero_byte);
      if (length == 0) reject("the text is not UTF-8; save the file as UTF-8");
      field.remove_prefix(length);
    }
  }

  const std::string& path_;
  std::string_view rest_;
  const char separator_;
  std::int64_t line_ = 1, column_ = 1;
};

// The names sorted: as numbers if all of them are numbers, else byte by byte.
std::vector<std::string> sorted_names(const std::map<std::string_view, std::int64_t>& found) {
  std::vector<std::pair<double, std::string>> names;
  bool numbers = true;
  for (const auto& [text, unused] : found) {
    double value = 0;
    numbers &= is_number(text, value);
    names.emplace_back(value, text);
  }
  if (numbers) std::sort(names.begin(), names.end());
  std::vector<std::string> result;
  for (auto& [value, text] : names) result.push_back(std::move(text));
  return result;
}

}  // namespace

CsvTable load_csv_table(const std::string& path, const CsvTableOptions& options) {
  const std::string text = internal::read_csv(csv_table_op, path, options.separator);
  CsvTable table;
  table.path_ = path;
  table.options_ = options;
  Reader reader(path, text, options.separator);
  if (options.header && !reader.at_end()) {
    std::string names;
    std::vector<std::size_t> ends;
    const bool quoted = reader.read_row(names, ends);
    std::size_t begin = 0;
    for (const std::size_t end : ends) {
      table.names_.push_back(names.substr(begin, end - begin));
      begin = end;
    }
    double value = 0;
    const auto numeric = [&](const std::string& name) { return is_number(name, value); };
    if (!quoted && std::all_of(table.names_.begin(), table.names_.end(), numeric)) {
      fail(csv_table_op, path,
           ": line 1 holds numbers instead of the columns' names; .header = false reads it as a row");
    }
    table.columns_ = ends.size();
  }
  while (!reader.at_end()) {
    const std::int64_t line = reader.line();
    const std::size_t before = table.ends_.size(), begin = table.text_.size();
    reader.read_row(table.text_, table.ends_);
    const std::size_t count = table.ends_.size() - before;
    if (table.columns_ == 0) table.columns_ = count;
    table.lines_.push_back(line);
    if (count == table.columns_) continue;
    const std::string_view row = std::string_view(table.text_).substr(begin);
    CsvPlace{csv_table_op, path, line, 1}.reject_columns(
        static_cast<std::int64_t>(count), table.field(0, table.ends_.size() - 1),
        static_cast<std::int64_t>(table.columns_), internal::other_separator(row, options.separator));
  }
  if (table.lines_.empty())
    fail(csv_table_op, path, ": holds no row", options.header ? " below the header" : "");
  return table;
}

std::string_view CsvTable::field(std::size_t row, std::size_t column) const {
  const std::size_t i = row * columns_ + column, begin = i == 0 ? 0 : ends_[i - 1];
  return std::string_view(text_).substr(begin, ends_[i] - begin);
}

CsvPlace CsvTable::at(std::size_t row, std::size_t column) const {
  return {"CsvTable", path_, lines_[row], static_cast<std::int64_t>(column) + 1,
          names_.empty() ? "" : std::string_view(names_[column])};
}

bool CsvTable::is_missing(std::string_view field) const {
  return std::find(options_.missing.begin(), options_.missing.end(), field) != options_.missing.end();
}

std::size_t CsvTable::place_of(const CsvColumn& column) const {
  const auto count = static_cast<std::int64_t>(columns_);
  if (column.is_place_) {
    if (column.place_ < -count || column.place_ >= count)
      fail("CsvTable", path_, ": has no column ", column.place_, ", but ", count);
    return static_cast<std::size_t>(column.place_ < 0 ? column.place_ + count : column.place_);
  }
  const auto found = std::find(names_.begin(), names_.end(), column.name_);
  if (found == names_.end()) {
    std::string all;
    for (std::size_t i = 0; i < names_.size() && i < 20; ++i) all += (i ? ", " : "") + shown(names_[i]);
    const bool one = names_.size() == 1 && names_[0].find_first_of(",;|\t") != std::string::npos;
    fail("CsvTable", path_, ": has no column ", shown(column.name_),
         names_.empty() ? "; it was read without a header" : ", but ", all, names_.size() > 20 ? ", …" : "",
         one ? "; is .separator another one?" : "");
  }
  if (std::find(found + 1, names_.end(), column.name_) != names_.end()) {
    fail("CsvTable", path_, ": has several columns ", shown(column.name_), "; choose one by its place");
  }
  return static_cast<std::size_t>(found - names_.begin());
}

std::vector<CsvColumn> CsvTable::all_but(const std::vector<CsvColumn>& columns) const {
  std::vector<bool> left_out(columns_);
  for (const CsvColumn& column : columns) left_out[place_of(column)] = true;
  std::vector<CsvColumn> result;
  for (std::size_t i = 0; i < columns_; ++i) {
    if (!left_out[i]) result.push_back(i);
  }
  return result;
}

Tensor CsvTable::numbers(const std::vector<CsvColumn>& columns, const CsvNumberOptions& options) const {
  std::vector<std::size_t> places(columns.empty() ? columns_ : columns.size());
  std::iota(places.begin(), places.end(), std::size_t{0});
  for (std::size_t i = 0; i < columns.size(); ++i) places[i] = place_of(columns[i]);
  std::vector<double> values;
  values.reserve(lines_.size() * places.size());
  for (std::size_t row = 0; row < lines_.size(); ++row) {
    for (const std::size_t column : places) {
      const std::string_view text = field(row, column);
      if (!is_missing(text)) {
        values.push_back(internal::csv_number(text, options_.separator, options.dtype, at(row, column)));
      } else if (options.missing) {
        values.push_back(*options.missing);
      } else {
        at(row, column).reject("the value is missing; .missing says which number stands for it");
      }
    }
  }
  return tensor(values, {rows(), static_cast<std::int64_t>(places.size())}, options.dtype);
}

CsvLabels CsvTable::labels(const CsvColumn& column, const CsvLabelOptions& options) const {
  const std::size_t place = place_of(column);
  std::vector<std::string_view> rows;
  std::map<std::string_view, std::int64_t> index;
  for (std::size_t row = 0; row < lines_.size(); ++row) {
    std::string_view text = field(row, place);
    if (is_missing(text)) {
      if (!options.missing)
        at(row, place).reject("the value is missing; .missing says which label stands for it");
      text = *options.missing;
    }
    rows.push_back(text);
    index.emplace(text, 0);
  }
  std::vector<std::string> names = options.names.empty() ? sorted_names(index) : options.names;
  index.clear();
  for (const std::string& name : names) {
    if (!index.emplace(name, static_cast<std::int64_t>(index.size())).second)
      fail("CsvTable", path_, ": names has ", shown(name), " twice");
  }
  std::vector<std::int64_t> indices;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const auto found = index.find(rows[row]);
    if (found == index.end())
      at(row, place).reject(shown(rows[row]) + " is none of the names that were given");
    indices.push_back(found->second);
  }
  return {std::move(indices), std::move(names)};
}

std::vector<std::string> CsvTable::texts(const CsvColumn& column) const {
  const std::size_t place = place_of(column);
  std::vector<std::string> result;
  for (std::size_t row = 0; row < lines_.size(); ++row) result.emplace_back(field(row, place));
  return result;
}

}  // namespace taper
