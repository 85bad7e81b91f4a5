// load_csv_table: tables of text and numbers in each notation, columns taken from them, and files that are no
// tables, refused by place and cause.
#include "support/helpers.hpp"
#include "support/scratch.hpp"
#include <taper/taper.hpp>

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

using Texts = std::vector<std::string>;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

class CsvTableTest : public Scratch {
 protected:
  CsvTable load(const std::string& bytes, const CsvTableOptions& options = {}) const {
    return load_csv_table(write(bytes), options);
  }
  // Expects an error that names the file.
  void expect_rejected(const std::string& bytes, const std::string& why,
                       const CsvTableOptions& options = {}) const {
    SCOPED_TRACE(testing::PrintToString(bytes));
    const std::string file = write(bytes);
    expect_error("load_csv_table", [&] { load_csv_table(file, options); }, {file, why});
  }
};

std::vector<std::int64_t> values_of(const Indices& indices) {
  std::vector<std::int64_t> values;
  for (std::int64_t i = 0; i < indices.size(); ++i) values.push_back(indices[i]);
  return values;
}

const std::string irises =
    "length,width,species\n"
    "5.1,3.5,setosa\n"
    "7,3.2,versicolor\n"
    "4.9,3,setosa\n"
    "6.3,3.3,virginica\n";

TEST_F(CsvTableTest, ColumnsByNameAndByPlace) {
  const CsvTable table = load(irises);
  EXPECT_EQ(table.rows(), 4);
  EXPECT_EQ(table.names(), (Texts{"length", "width", "species"}));
  const std::vector<double> both{3.5, 5.1, 3.2, 7, 3, 4.9, 3.3, 6.3};
  expect_values(table.numbers({"width", "length"}, {.dtype = float64}), both, 0);
  expect_values(table.numbers({1, 0}, {.dtype = float64}), both, 0);
  expect_values(table.numbers({-2, std::string("length")}, {.dtype = float64}), both, 0);
  EXPECT_EQ(table.numbers({"width"}).shape(), (Shape{4, 1}));
  EXPECT_EQ(table.numbers({"width"}).dtype(), float32);
  expect_same(table.numbers(table.all_but({"species"})), table.numbers({0, 1}));
  EXPECT_EQ(table.texts("species"), (Texts{"setosa", "versicolor", "setosa", "virginica"}));
  EXPECT_EQ(table.texts(0), (Texts{"5.1", "7", "4.9", "6.3"}));
  expect_values(load("a,b\n1,2\n3,4\n").numbers(), {1, 2, 3, 4}, 0);
}

TEST_F(CsvTableTest, WithoutHeader) {
  const CsvTable table = load("1,x\n2,y\n", {.header = false});
  EXPECT_EQ(table.rows(), 2);
  EXPECT_TRUE(table.names().empty());
  expect_values(table.numbers({0}), {1, 2}, 0);
  expect_error("CsvTable", [&] { table.numbers({"x"}); }, {"'x'", "without a header"});
  // A header of numbers would be a lost row. In quotes it is meant.
  expect_rejected("1,2\n3,4\n", "line 1 holds numbers instead of the columns' names; .header = false");
  EXPECT_EQ(load("\"2019\",\"2020\"\n3,4\n").names(), (Texts{"2019", "2020"}));
}

TEST_F(CsvTableTest, TellsWhichColumnIsNotThere) {
  const CsvTable table = load("a,b,a\n1,2,3\n");
  expect_error("CsvTable", [&] { table.numbers({"c"}); }, {"no column 'c'", "'a', 'b', 'a'"});
  expect_error("CsvTable", [&] { table.labels("a"); }, {"several columns 'a'"});
  expect_error("CsvTable", [&] { table.texts(3); }, {"no column 3", "3"});
  expect_error("CsvTable", [&] { table.texts(-4); }, {"no column -4"});
  expect_error("CsvTable", [&] { table.all_but({"c"}); }, {"no column 'c'"});
  expect_error("CsvTable", [&] { load("a;b\n1;2\n").numbers({"a"}); }, {"is .separator another one?"});
}

TEST_F(CsvTableTest, LabelsAreSortedAndKeepTheirNames) {
  const CsvLabels species = load(irises).labels("species");
  EXPECT_EQ(species.names, (Texts{"setosa", "versicolor", "virginica"}));
  EXPECT_EQ(values_of(species.indices), (std::vector<std::int64_t>{0, 1, 0, 2}));
  EXPECT_EQ(species.indices.shape(), Shape{4});
  // Byte by byte: capitals first, and what is not ASCII last.
  EXPECT_EQ(load("x\nb\n\xc3\xa4\nB\na\n").labels(0).names, (Texts{"B", "a", "b", "\xc3\xa4"}));
  // Numbers as numbers, so that the labels 0 … n - 1 stay what they are.
  const CsvLabels digits = load("x\n10\n9\n2\n10\n").labels(0);
  EXPECT_EQ(digits.names, (Texts{"2", "9", "10"}));
  EXPECT_EQ(values_of(digits.indices), (std::vector<std::int64_t>{2, 1, 0, 2}));
}

TEST_F(CsvTableTest, LabelsOfAnotherFileHaveTheSameNumbers) {
  const CsvLabels training = load("x\na\nb\nc\n").labels("x");
  const CsvTable test = load("x\nc\na\n");
  EXPECT_EQ(values_of(test.labels("x").indices), (std::vector<std::int64_t>{1, 0}));
  EXPECT_EQ(values_of(test.labels("x", {.names = training.names}).indices),
            (std::vector<std::int64_t>{2, 0}));
  expect_error("CsvTable",
               [&] {
                 test.labels("x", {.names = {"a", "b"}});
               },
               {"line 2, column 1 ('x'): 'c' is none of the names"});
  expect_error("CsvTable", [&] { test.labels("x", {.names = {"a", "c", "a"}}); }, {"'a' twice"});
}

TEST_F(CsvTableTest, MissingValuesAreAnErrorUnlessOneSaysWhatStandsForThem) {
  const CsvTable table = load("age,port\n22,S\n,C\n38,\"\"\n");
  expect_error("CsvTable", [&] { table.numbers({"age"}); }, {"line 3, column 1 ('age')", "missing"});
  expect_error("CsvTable", [&] { table.labels("port"); }, {"line 4, column 2 ('port')", "missing"});
  expect_values(table.numbers({"age"}, {.missing = nan}), {22, nan, 38}, 0);
  expect_values(table.numbers({"age"}, {.missing = -1}), {22, -1, 38}, 0);
  EXPECT_EQ(table.labels("port", {.missing = "unknown"}).names, (Texts{"C", "S", "unknown"}));
  EXPECT_EQ(table.texts("port"), (Texts{"S", "C", ""}));

  const CsvTableOptions marks{.missing = {"NA", "?"}};
  expect_values(load("x\n1\nNA\n?\n", marks).numbers({}, {.missing = 0}), {1, 0, 0}, 0);
  expect_error("CsvTable", [&] { load("x\n1\nNA\n").numbers(); },
               {"line 3, column 1 ('x'): 'NA' is not a number", "missing"});
  expect_error("CsvTable", [&] { load("x,y\n1,\n", marks).numbers({1}, {.missing = 0}); }, {"'' is not"});
}

TEST_F(CsvTableTest, QuotedFieldsHoldSeparatorsQuotesAndLineEnds) {
  const CsvTable table = load(
      "name,\"a, \"\"b\"\"\",z\n"
      "\"Braund, Mr. Owen\" , \"1.5\",x\n"
      "\"two\r\nlines\n\",2,5\" pipe\n"
      "\"\",3,\"\"\"\"\n");
  EXPECT_EQ(table.names(), (Texts{"name", "a, \"b\"", "z"}));
  EXPECT_EQ(table.texts("name"), (Texts{"Braund, Mr. Owen", "two\r\nlines\n", ""}));
  EXPECT_EQ(table.texts("z"), (Texts{"x", "5\" pipe", "\""}));
  expect_values(table.numbers({1}), {1.5, 2, 3}, 0);
  // The line is the file's, whatever the fields hold.
  expect_error("CsvTable", [&] { load("a,b\n\"1\n2\",3\n4,x\n").numbers({"b"}); }, {"line 4, column 2"});
}

TEST_F(CsvTableTest, EverySeparatorAndLineEnd) {
  for (const char separator : {',', ';', '\t', '|'}) {
    for (const std::string end : {"\n", "\r\n"}) {
      for (const std::string last : {"", "\n", "\r\n", "\n\n \r\n"}) {
        for (const std::string mark : {"", "\xef\xbb\xbf"}) {
          const std::string s(1, separator);
          const CsvTable table = load(mark + "a" + s + "b" + end + " 1 " + s + "x y" + end + "2" + s + last,
                                      {.separator = separator});
          EXPECT_EQ(table.names(), (Texts{"a", "b"}));
          expect_values(table.numbers({"a"}), {1, 2}, 0);
          EXPECT_EQ(table.texts("b"), (Texts{"x y", ""}));
        }
      }
    }
  }
  expect_error("load_csv_table", [&] { load("a\n1\n", {.separator = 'x'}); },
               {"separator must be ',', ';', '|' or a tab, got 'x'"});
}

TEST_F(CsvTableTest, RefusesWhatIsNoTableAndSaysWhy) {
  expect_rejected("a,b\n1,2,\n",
                  "line 2 has 3 columns, wanted 2 as in the first line: it ends with a separator");
  expect_rejected("a,b\n1,2\n1,5,2\n",
                  "line 3 has 3 columns, wanted 2 as in the first line; a separator inside");
  expect_rejected("a,b\n1\n", "line 2 has 1 columns, wanted 2");
  expect_rejected("a,b\n1,2\n\n3,4\n", "line 3 has 1 columns, wanted 2 as in the first line: it is empty");
  expect_rejected("a,b\n1,\"2\n3,4\n", "line 2, column 2: a quote opens a field that never ends");
  expect_rejected("a,b\n1,\"2\"x\n", "line 2, column 2: text follows the closing quote");
  expect_rejected("a\n1,5;2\n", "line 2 has 2 columns, wanted 1 as in the first line: is ';' the separator?");
  expect_rejected("a,b\r1,2\r", "line 1, column 2: a carriage return alone ends no line");
  expect_rejected("a,b\n1,2\r3\n", "line 2, column 2: a carriage return alone");
  expect_rejected("a,b\n1,M\xfcller\n", "line 2, column 2: the text is not UTF-8");
  expect_rejected("a,\"\xc0\xaf\"\n", "line 1, column 2: the text is not UTF-8");
  expect_rejected(std::string("\xff\xfe"
                              "a\0,\0",
                              6),
                  "is UTF-16 or UTF-32");
  expect_rejected(std::string("\xfe\xff\0a\0,", 6), "is UTF-16 or UTF-32");
  expect_rejected(std::string("a\0,\0b\0\n\0", 8),
                  "line 1, column 1: a zero byte stands in no text; if the file is UTF-16");
  expect_rejected(std::string("a\0\r\0\n\0", 6), "if the file is UTF-16");
  for (const char* bytes : {"", "\n", " \r\n\n", "\xef\xbb\xbf"}) expect_rejected(bytes, "holds no row");
  expect_rejected("a,b\n", "holds no row below the header");
  expect_error("load_csv_table", [&] { load_csv_table(path("missing")); }, {path("missing")});
}

TEST_F(CsvTableTest, ANumberThatIsNoneHasALikelyCause) {
  const auto expect_cause = [&](const std::string& field, const std::string& cause) {
    const CsvTable table = load("a|b\n1|" + field + "\n", {.separator = '|'});
    expect_error("CsvTable", [&] { table.numbers(); }, {"line 2, column 2 ('b'): '" + field + "' is", cause});
  };
  expect_cause("1,5", "is it a decimal comma? Numbers are written with a point");
  expect_cause("1;5", "is ';' the separator?");
  expect_cause("1,234,567.5", "are its digits grouped?");
  expect_cause("1.234,5", "are its digits grouped?");
  expect_cause("1,x", "is ',' the separator?");
  expect_cause("x", "not a number");
  expect_cause("1e39", "beyond the range of float32");
  expect_error("load_csv", [&] { load_csv(write("1;2\n")); },
               {"'1;2' is not a number", "is ';' the separator?"});
  expect_error("load_csv", [&] { load_csv(write("1,5;2\n"), {.separator = ';'}); }, {"decimal comma"});
  expect_error("load_csv", [&] { load_csv(write("1,2\r3,4\r")); }, {"a carriage return alone"});
  expect_error("load_csv", [&] { load_csv(write("1,2,\n")); }, {"the line ends with a separator"});
  expect_error("load_csv", [&] { load_csv(write("1,\"2\"\n")); }, {"load_csv_table reads quoted fields"});
  expect_error("load_csv", [&] { load_csv(write("1\n2\nNA\n")); }, {"line 3", "'NA'", "missing value"});
  expect_error("load_csv",
               [&] {
                 load_csv(
                     write("\xff\xfe"
                           "1"));
               },
               {"UTF-16"});
  expect_error("load_csv", [&] { load_csv(write("1"), {.separator = '.'}); }, {"separator must be"});
  expect_values(load_csv(write("x;y\n1;2\n3;4\n"), {.header_lines = 1, .separator = ';'}), {1, 2, 3, 4}, 0);
  expect_values(load_csv(write("1\t2\n3\t 4\n"), {.separator = '\t'}), {1, 2, 3, 4}, 0);
}

}  // namespace
}  // namespace taper::test
