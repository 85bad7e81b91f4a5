// load_csv: tables in each notation that it takes, and files that are no tables, refused by line and column.
#include "support/helpers.hpp"
#include <taper/taper.hpp>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string_view>

#include <gtest/gtest.h>
#include <unistd.h>

namespace taper::test {
namespace {

namespace fs = std::filesystem;

class Csv : public testing::Test {
 protected:
  // ctest runs tests at the same time: the folder is this process's own.
  Csv() : folder(fs::temp_directory_path() / ("taper_csv_" + std::to_string(getpid()))) {
    fs::create_directories(folder);
  }
  ~Csv() override { fs::remove_all(folder); }

  std::string write(const std::string& bytes) const {
    const std::string path = (folder / "table.csv").string();
    fs::remove(path);  // ext4 flushes to the disk what overwrites a file
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  Tensor read(const std::string& bytes, const CsvOptions& options = {.dtype = float64}) const {
    return load_csv(write(bytes), options);
  }
  // Expects an error that names the file.
  void expect_rejected(const std::string& bytes, const std::string& why,
                       const CsvOptions& options = {}) const {
    const std::string path = write(bytes);
    expect_error("load_csv", [&] { load_csv(path, options); }, {path, why});
  }

  const fs::path folder;
};

TEST_F(Csv, ReadsRowsAndColumns) {
  const Tensor table = read("1,2,3\n4,5,6\n");
  EXPECT_EQ(table.shape(), (Shape{2, 3}));
  EXPECT_EQ(table.dtype(), float64);
  expect_values(table, {1, 2, 3, 4, 5, 6}, 0);
  EXPECT_EQ(load_csv(write("1\n")).dtype(), float32);
  EXPECT_EQ(read("7").shape(), (Shape{1, 1}));
}

TEST_F(Csv, TakesEveryNotation) {
  expect_values(read("-1.5,+2,1e3,1.25E-2,.5,3."), {-1.5, 2, 1000, 0.0125, 0.5, 3}, 0);
  expect_values(read(" 1 ,\t2\t\n3,  4\n"), {1, 2, 3, 4}, 0);
  expect_values(read("\xef\xbb\xbf"
                     "1,2"),
                {1, 2}, 0);
}

TEST_F(Csv, TakesEveryLineEnd) {
  for (const char* bytes : {"1,2\n3,4", "1,2\n3,4\n", "1,2\r\n3,4", "1,2\r\n3,4\r\n", "1,2\n3,4\n\n \r\n"}) {
    const Tensor table = read(bytes);
    EXPECT_EQ(table.shape(), (Shape{2, 2})) << bytes;
    expect_values(table, {1, 2, 3, 4}, 0);
  }
}

TEST_F(Csv, LeavesHeaderLinesOut) {
  const CsvOptions two{.header_lines = 2, .dtype = float64};
  expect_values(read("a table\nx,y\n1,2\n", two), {1, 2}, 0);
  expect_rejected("a table\nx,y\n1,z\n", "line 3, column 2: 'z' is not a number", two);
  expect_rejected("a table\nx,y\n", "holds no row", two);
  expect_error("load_csv", [&] { read("1", {.header_lines = -1}); }, {"header_lines", "-1"});
}

TEST_F(Csv, RefusesWhatIsNoNumber) {
  for (const char* field : {"x", "nan", "NaN", "inf", "-Infinity", "\"1\"", "1;2", "1 2", "0x10", "1.2.3",
                            "+", "-", "+-1", "--1", "1e", "e5", "1\r2"}) {
    expect_rejected("1,2\n3," + std::string(field) + "\n",
                    "line 2, column 2: '" + (std::string(field) == "1\r2" ? "1?2" : std::string(field)) +
                        "' is not a number");
  }
  expect_rejected("1,,3\n", "line 1, column 2: '' is not a number");
  expect_rejected("1,2,\n", "line 1, column 3: '' is not a number");
  expect_rejected("1\n\n2\n", "line 2, column 1: '' is not a number");
  expect_rejected(std::string("1\0,2", 4), "line 1, column 1: '1?' is not a number");
  expect_rejected(std::string(1000, 'a'), "'" + std::string(40, 'a') + "…' is not a number");
}

TEST_F(Csv, RefusesWhatTheDtypeCannotHold) {
  expect_rejected("1,1e39\n", "line 1, column 2: '1e39' is beyond the range of float32");
  expect_values(read("1e39"), {1e39}, 0);
  expect_rejected("1\n-1e309\n", "line 2, column 1: '-1e309' is beyond the range", {.dtype = float64});
  expect_values(load_csv(write("3.4028234663852886e38")), {std::numeric_limits<float>::max()}, 0);
}

// By way of a double, each of these would be the other neighbour: the double lies half-way between two floats.
TEST_F(Csv, RoundsOnce) {
  const auto expect_float = [&](const std::string& text, float value) {
    EXPECT_EQ(load_csv(write(text)).data<float>()[0], value) << text;
    EXPECT_EQ(load_csv_table(write("x\n" + text)).numbers().data<float>()[0], value) << text;
  };
  expect_float("1.00000017881393432617187499", 0x1.000002p0f);
  expect_float("-1.00000017881393432617187499", -0x1.000002p0f);
  expect_float("1.00000005960464477539062501", 0x1.000002p0f);
  expect_float("1.00000005960464477539062499", 1.0f);
  expect_float("16777217.0000000001", 16777218.0f);
  expect_float("3.4028235677973366e38", 0x1.fffffep127f);
  expect_float("7.0064923216240854e-46", 0x1p-149f);  // just above half of the smallest
  EXPECT_TRUE(std::signbit(load_csv(write("-1e-60")).data<float>()[0]));
  expect_float("1e-60", 0);
  expect_rejected("3.40282356779733661638e38", "is beyond the range of float32");
  Generator generator(fresh_seed());
  for (int i = 0; i < 1000; ++i) {
    // Half-way between two floats, and a bit more or less.
    const float x = static_cast<float>(1 + generator.uniform());
    const double middle = (static_cast<double>(x) + std::nextafter(x, 2.f)) / 2;
    char digits[64];
    std::snprintf(digits, sizeof digits, "%.30f", middle);
    const std::string text = digits;
    expect_float(text.substr(0, 30) + "1", std::nextafter(x, 2.f));
  }
}

TEST_F(Csv, SaysWhatIsWrongWithTheLines) {
  expect_rejected("1,2\n3,4,\n",
                  "line 2 has 3 columns, wanted 2 as in the first line: it ends with a separator");
  expect_rejected("1,2,\n3,4,\n", "the line ends with a separator");
  expect_rejected("1,2\n\n3,4\n", "line 2 has 1 columns, wanted 2 as in the first line: it is empty");
  expect_rejected("1,2\r\n \t\r\n3,4\r\n",
                  "line 2 has 1 columns, wanted 2 as in the first line: it is empty");
  expect_rejected("1\n\n2\n", "line 2, column 1: '' is not a number: the line is empty");
  expect_rejected("1;2\n3;4\n", "is ';' the separator? Then say .separator = ';'");
  expect_rejected("1\n2;3\n4\n", "is ';' the separator?");
  expect_rejected("1,2\n3;4\n", "line 2 has 1 columns, wanted 2 as in the first line: is ';' the separator?");
  expect_rejected("1;5\n2;5,5\n", "is ';' the separator?");
  expect_rejected("1\t2\n", "is '\\t' the separator?");
  expect_rejected("1,5;2,5\n1;2\n", "line 2, column 1: '1;2'", {.header_lines = 1});
  expect_rejected("1,2\n3,4,5\n", "a number a decimal point");
  expect_rejected("a,b\r1,2\r3,4\r", "a carriage return alone ends no line", {.header_lines = 1});
  expect_rejected("1,2\r3,4\r", "line 1, column 2: '2?3' is not a number: a carriage return alone");
  expect_rejected("1,2\n3,4\r5,6\n",
                  "line 2 has 3 columns, wanted 2 as in the first line: a carriage return alone");
  expect_rejected(std::string("1\0,\0002\0\n\0", 8), "if the file is UTF-16");
  expect_rejected(std::string("1\0\r\0\n\0", 6), "if the file is UTF-16");
  expect_rejected(std::string("\0001\0,\0002\0\n", 8), "if the file is UTF-16");
  expect_rejected(std::string("1,2\n3\0,\0,4\n", 11), "if the file is UTF-16");
}

TEST_F(Csv, RefusesRaggedRows) {
  expect_rejected("1,2\n3,4\n5\n", "line 3 has 1 columns, wanted 2");
  expect_rejected("1,2\n3,4,5\n", "line 2 has 3 columns, wanted 2");
}

TEST_F(Csv, RefusesFilesWithoutRows) {
  for (const char* bytes : {"", "\n", " \r\n\n", "\xef\xbb\xbf"}) expect_rejected(bytes, "holds no row");
  expect_error("load_csv", [&] { load_csv((folder / "missing.csv").string()); }, {"missing.csv"});
  expect_error("load_csv", [&] { load_csv(folder.string()); }, {folder.string()});
}

// A damaged table is read, with other numbers, or refused; nothing else happens.
TEST_F(Csv, SurvivesDamage) {
  Generator generator(fresh_seed());
  const std::string whole = "\xef\xbb\xbfx,y\r\n1.5,-2e3\r\n+0.25,1e38\r\n\r\n";
  constexpr std::string_view bytes("0123456789+-.,eEnaif \t\r\n\"\0\x80\xff", 28);
  const auto below = [&](std::size_t n) {
    return static_cast<std::size_t>(generator.uniform() * static_cast<double>(n));
  };
  for (int round = 0; round < 3000; ++round) {
    std::string damaged = whole;
    for (std::size_t i = below(8); i-- > 0;) {
      const std::size_t at = below(damaged.size());
      if (below(3) == 0) {
        damaged.erase(at, below(4));
      } else {
        damaged.insert(at, 1, bytes[below(bytes.size())]);
      }
      if (damaged.empty()) break;
    }
    try {
      for (double value : load_csv(write(damaged), {.header_lines = 1}).to_vector()) {
        EXPECT_TRUE(std::isfinite(value)) << damaged;
      }
    } catch (const Error&) {
    } catch (const std::exception& error) {
      ADD_FAILURE() << "threw something else than taper::Error: " << error.what();
    }
  }
}

TEST_F(Csv, ReadsBackWhatWasPrinted) {
  Generator generator(fresh_seed());
  const Tensor table = randn({17, 5}, generator, float64);
  std::string bytes;
  for (std::int64_t i = 0; i < table.size(); ++i) {
    char number[32];
    std::snprintf(number, sizeof number, "%.17g", table.data<double>()[i]);
    bytes += number + std::string(i % 5 == 4 ? "\n" : ",");
  }
  expect_same(read(bytes), table);
}

}  // namespace
}  // namespace taper::test
