// load_csv_table on random files: what was written comes back, whatever the notation, and damage is read or
// refused.
#include "support/helpers.hpp"
#include "support/random_cases.hpp"
#include "support/scratch.hpp"
#include <taper/taper.hpp>

#include <cmath>
#include <locale>
#include <string_view>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

class CsvProperty : public Scratch, protected RandomCases {
 protected:
  // A field as text: of a number, or of characters that mean something in a CSV file, and others.
  std::string field() {
    if (chance(0.3)) return std::to_string(integer(-1000, 1000)) + ".5";
    std::string text;
    for (std::int64_t i = integer(0, 6); i > 0; --i) {
      text += one_of({"a", "B", "1", ",", ";", "\t", "|", "\"", "\n", "\r\n", "\r", " ", "'", "\xc3\xa4",
                      "\xf0\x9f\x8c\xb7"});
    }
    return text;
  }
  // The field as a file holds it. In quotes if it has to be, and sometimes if it does not.
  std::string written(const std::string& field, char separator) {
    const bool has_to = field.find_first_of(std::string("\"\n\r") + separator) != std::string::npos ||
                        field.starts_with(' ') || field.ends_with(' ') || field.starts_with('\t') ||
                        field.ends_with('\t');
    if (!has_to && chance(0.7)) return blanks(separator) + field + blanks(separator);
    std::string text = "\"";
    for (const char c : field) text += c == '"' ? "\"\"" : std::string(1, c);
    return blanks(separator) + text + "\"" + blanks(separator);
  }
  std::string blanks(char separator) {
    return chance(0.8) ? "" : chance(0.5) || separator == '\t' ? " " : "\t";
  }
};

TEST_F(CsvProperty, WhatWasWrittenComesBack) {
  for (int round = 0; round < 300; ++round) {
    const std::int64_t rows = integer(1, 6), columns = integer(1, 5);
    const char separator = one_of({',', ';', '\t', '|'});
    std::vector<std::string> fields;
    std::string bytes = chance(0.5) ? "\xef\xbb\xbf" : "";
    for (std::int64_t i = 0; i < rows * columns; ++i) {
      // An empty line at the end is none.
      fields.push_back(columns == 1 ? "x" + field() : field());
      bytes += written(fields.back(), separator);
      bytes += i % columns < columns - 1 ? std::string(1, separator) : chance(0.5) ? "\r\n" : "\n";
    }
    SCOPED_TRACE(testing::PrintToString(bytes));
    const CsvTable table = load_csv_table(write(bytes), {.header = false, .separator = separator});
    ASSERT_EQ(table.rows(), rows);
    for (std::int64_t column = 0; column < columns; ++column) {
      const std::vector<std::string> texts = table.texts(column);
      const CsvLabels labels = table.labels(column, {.missing = ""});
      for (std::int64_t row = 0; row < rows; ++row) {
        const std::string& wanted = fields[static_cast<std::size_t>(row * columns + column)];
        ASSERT_EQ(texts[static_cast<std::size_t>(row)], wanted) << row << ' ' << column;
        ASSERT_EQ(labels.names[static_cast<std::size_t>(labels.indices[row])], wanted);
      }
    }
  }
}

// Random changes of a file: it is read or refused, and nothing else happens. What is read has
// as many fields in each column as rows.
TEST_F(CsvProperty, DamageIsReadOrRefused) {
  const std::string whole =
      "\xef\xbb\xbfname,\"a \"\"b\"\"\",x\r\n\"Braund, Mr.\",1.5,a\r\n\"two\nlines\",,\xc3\xa4\nx , "
      "-2e3,\r\n";
  constexpr std::string_view likely("0123456789+-.,;|eEnai \t\r\n\"\"\"\"\0\xef\xbb\xbf\xff\xc3", 35);
  int read = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = whole;
    for (std::int64_t change = integer(1, 6); change > 0 && !bytes.empty(); --change) {
      const auto at = static_cast<std::size_t>(integer(0, static_cast<std::int64_t>(bytes.size()) - 1));
      const char byte = chance(0.8) ? likely[static_cast<std::size_t>(integer(0, 34))]
                                    : static_cast<char>(generator.bits());
      if (chance(0.3)) {
        bytes.erase(at, static_cast<std::size_t>(integer(1, 4)));
      } else if (chance(0.5)) {
        bytes[at] = byte;
      } else {
        bytes.insert(at, 1, byte);
      }
    }
    if (chance(0.1))
      bytes.resize(static_cast<std::size_t>(integer(0, static_cast<std::int64_t>(bytes.size()))));
    SCOPED_TRACE(testing::PrintToString(bytes));
    try {
      const CsvTable table =
          load_csv_table(write(bytes), {.header = chance(0.5), .separator = one_of({',', ';', '\t'})});
      ++read;
      for (std::int64_t column = 0; column < static_cast<std::int64_t>(table.all_but({}).size()); ++column) {
        ASSERT_EQ(static_cast<std::int64_t>(table.texts(column).size()), table.rows());
        ASSERT_EQ(table.labels(column, {.missing = "none"}).indices.size(), table.rows());
      }
      for (const double value : table.numbers({}, {.missing = 0}).to_vector())
        ASSERT_TRUE(std::isfinite(value));
    } catch (const Error&) {
    } catch (const std::exception& error) {
      FAIL() << "threw something else than taper::Error: " << error.what();
    }
  }
  EXPECT_GT(read, 100);
}

// In a locale with a decimal comma and with dots between thousands.
TEST_F(CsvProperty, NoLocaleMatters) {
  struct Commas : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\3"; }
  };
  struct Restored {
    std::locale before = std::locale::global(std::locale(std::locale::classic(), new Commas));
    ~Restored() { std::locale::global(before); }
  } restored;
  expect_values(load_csv_table(write("x\n1.5\n1234.5\n")).numbers(), {1.5, 1234.5}, 0);
  std::string bytes = "x\n";
  for (int i = 0; i < 1999; ++i) bytes += "1\n";
  expect_error("CsvTable", [&] { load_csv_table(write(bytes + "y\n")).numbers(); }, {"line 2001, column 1"});
  expect_error("load_csv", [&] { load_csv(write(bytes + "y\n"), {.header_lines = 1}); },
               {"line 2001, column 1"});
}

}  // namespace
}  // namespace taper::test
