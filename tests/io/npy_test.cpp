// .npy files: round trips, files that NumPy wrote, and files of other formats.
#include "support/helpers.hpp"
#include "support/scratch.hpp"
#include <taper/taper.hpp>

#include <filesystem>
#include <limits>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

namespace fs = std::filesystem;

class Npy : public Scratch {
 protected:
  // Expects an error that names the file.
  void expect_rejected(const std::string& bytes, const std::string& why) const {
    const std::string file = write(bytes);
    expect_error("load_npy", [&] { load_npy(file); }, {file, why});
  }

  // A damaged file may still be a valid one, with other numbers: it must be read or refused,
  // and nothing else.
  void expect_read_or_refused(const std::string& bytes, std::int64_t max_elements) const {
    const std::string file = write(bytes);
    try {
      EXPECT_LE(load_npy(file).size(), max_elements);
    } catch (const Error&) {
    } catch (const std::exception& error) {
      ADD_FAILURE() << "threw something else than taper::Error: " << error.what();
    }
  }
};

// A file as numpy.save writes it: the header padded with spaces to a multiple of 64.
std::string npy(const std::string& header, const std::string& payload = "") {
  std::string text = header;
  text.resize((10 + header.size() + 1 + 63) / 64 * 64 - 11, ' ');
  text += '\n';
  const auto length = static_cast<unsigned>(text.size());
  return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(length & 255) +
         static_cast<char>(length >> 8) + text + payload;
}

std::string header(const std::string& descr, const std::string& shape, const std::string& fortran = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }";
}

TEST_F(Npy, ComesBackAsItWas) {
  Generator generator(1);
  for (const DType dtype : {float32, float64}) {
    for (const Shape& shape :
         {Shape{}, Shape{1}, Shape{5}, Shape{2, 3}, Shape{0, 3}, Shape{2, 1, 3, 1, 2, 1, 2}}) {
      const Tensor x = randn(shape, generator, dtype);
      save_npy(path("x.npy"), x);
      expect_same(load_npy(path("x.npy")), x);
      EXPECT_FALSE(fs::exists(path("x.npy.partial")));
    }
  }
}

TEST_F(Npy, KeepsNaNAndInfinity) {
  const double inf = std::numeric_limits<double>::infinity();
  const Tensor x = row({std::nan(""), inf, -inf, -0.0, 5e-324});
  save_npy(path("x.npy"), x);
  expect_same(load_npy(path("x.npy")), x);
}

TEST_F(Npy, ReadsWhatNumPyWrote) {
  const std::vector<float> rows{1, 2.5f, -3, 4, 5, 6};
  const Tensor x = load_npy(write(npy(header("<f4", "(2, 3)"), bytes_of(rows))));
  EXPECT_EQ(x.dtype(), float32);
  EXPECT_TRUE(x.shape() == (Shape{2, 3}));
  expect_values(x, {1, 2.5, -3, 4, 5, 6}, 0);

  const std::vector<double> columns{1, 4, 2.5, 5, -3, 6};
  const Tensor fortran = load_npy(write(npy(header("<f8", "(2, 3)", "True"), bytes_of(columns))));
  EXPECT_EQ(fortran.dtype(), float64);
  EXPECT_TRUE(fortran.shape() == (Shape{2, 3}));
  expect_values(fortran, {1, 2.5, -3, 4, 5, 6}, 0);

  const Tensor scalar = load_npy(write(npy(header("<f8", "()"), bytes_of<double>({2.5}))));
  EXPECT_EQ(scalar.rank(), 0);
  EXPECT_EQ(scalar.item(), 2.5);
  const Tensor vector = load_npy(write(npy(header("<f4", "(2,)"), bytes_of<float>({1, 2}))));
  EXPECT_TRUE(vector.shape() == Shape{2});
  EXPECT_TRUE(load_npy(write(npy(header("<f4", "(0, 3)")))).shape() == (Shape{0, 3}));
}

// Byte by byte what numpy.save of NumPy 2.4 makes of the same array.
TEST_F(Npy, WritesAHeaderThatNumPyUnderstands) {
  save_npy(path("x.npy"), tensor({{1, 2.5, -3}, {4, 5, 6}}));
  const std::string bytes = read(path("x.npy"));
  EXPECT_EQ(bytes.substr(0, 8), std::string("\x93NUMPY\x01\x00", 8));
  EXPECT_NE(bytes.find("'descr': '<f4'"), std::string::npos);
  EXPECT_NE(bytes.find("'shape': (2, 3)"), std::string::npos);
  EXPECT_EQ(bytes.substr(bytes.size() - 24), bytes_of<float>({1, 2.5f, -3, 4, 5, 6}));
}

TEST_F(Npy, RefusesWhatIsNoFile) {
  const std::string missing = path("missing.npy");
  expect_error("load_npy", [&] { load_npy(missing); }, {missing, "exist"});
  expect_error("load_npy", [&] { load_npy(folder.string()); }, {folder.string(), "directory"});
}

TEST_F(Npy, RefusesWhatIsCutShort) {
  const std::string whole = npy(header("<f4", "(2, 3)"), bytes_of<float>({1, 2, 3, 4, 5, 6}));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::string file = write(whole.substr(0, size));
    expect_error("load_npy", [&] { load_npy(file); }, {file});
    if (HasFailure()) return;
  }
  expect_rejected(whole.substr(0, whole.size() - 1), "cut short");
  expect_rejected(whole.substr(0, 40), "header");
}

TEST_F(Npy, RefusesOtherDtypesAndForms) {
  expect_rejected(npy(header("<i8", "(1,)"), std::string(8, 0)), "'<i8'");
  expect_rejected(npy(header("|b1", "(1,)"), std::string(1, 0)), "'|b1'");
  expect_rejected(npy(header(">f4", "(1,)"), std::string(4, 0)), "'>f4'");
  expect_rejected(npy(header("<f2", "(1,)"), std::string(2, 0)), "'<f2'");
  expect_rejected("this is a text, and no array", "not a .npy file");
  expect_rejected("", "not a .npy file");
  expect_rejected(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }"), "header");
  expect_rejected(npy("{}"), "header");
  std::string version_3 = npy(header("<f4", "(1,)"), std::string(4, 0));
  version_3[6] = 3;
  expect_rejected(version_3, "version");
}

TEST_F(Npy, RefusesShapesThatAreNone) {
  expect_rejected(npy(header("<f4", "(4000000000, 4000000000, 4000000000)")), "4000000000");
  expect_rejected(npy(header("<f8", "(9223372036854775807,)")), "large");
  expect_rejected(npy(header("<f8", "(99999999999999999999999999,)")), "large");
  const std::string payload = bytes_of<float>({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  for (const char* shape :
       {"(3 4)", "(,)", "(3,,4)", "( , 3)", "(3, 4, )", "(1 2,)", "(3,4,,)", "(12)", "(0 0)"}) {
    SCOPED_TRACE(shape);
    expect_read_or_refused(npy(header("<f4", shape), payload), 12);
  }
}

// A header as long as the format allows: matching it must not recurse once a byte.
TEST_F(Npy, SurvivesTheLongestHeader) {
  std::string text = header("<f4", "(1,)");
  text.resize(65534, ' ');
  text += '\n';
  const std::string start = std::string("\x93NUMPY\x01\x00", 8) + "\xff\xff";
  expect_read_or_refused(start + text + bytes_of<float>({1}), 1);
  std::string digits = header("<f4", "(" + std::string(65400, '1') + ")");
  digits.resize(65534, ' ');
  expect_rejected(start + digits + '\n', "");
}

// A thousand files with some bytes changed: each is read or refused, and nothing else.
TEST_F(Npy, SurvivesRandomBytes) {
  const std::uint64_t seed = fresh_seed();
  SCOPED_TRACE("TAPER_SEED=" + std::to_string(seed));
  Generator generator(seed);
  const std::string whole = npy(header("<f4", "(2, 3)"), bytes_of<float>({1, 2, 3, 4, 5, 6}));
  const std::string likely = "0123456789(),' <>f48{}:TrueFals\n";
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(generator.bits() % n); };
  for (int round = 0; round < 1000; ++round) {
    std::string bytes = whole;
    for (std::size_t change = 0; change <= below(4); ++change) {
      const std::size_t at = below(round % 2 ? bytes.size() : 72);
      bytes[at] = round % 3 ? likely[below(likely.size())] : static_cast<char>(generator.bits());
    }
    if (round % 5 == 0) bytes.resize(below(bytes.size()));
    SCOPED_TRACE(testing::PrintToString(bytes.substr(0, 72)));
    expect_read_or_refused(bytes, 6);
    if (HasFailure()) return;
  }
}

TEST_F(Npy, ASaveThatFailsLeavesNothingBehind) {
  const std::string lost = path("no/such/folder/x.npy");
  expect_error("save_npy", [&] { save_npy(lost, ones({2})); }, {lost});
  EXPECT_FALSE(fs::exists(path("no")));

  fs::create_directories(path("taken.npy/inside"));
  expect_error("save_npy", [&] { save_npy(path("taken.npy"), ones({2})); }, {path("taken.npy")});
  EXPECT_FALSE(fs::exists(path("taken.npy.partial")));
  EXPECT_TRUE(fs::exists(path("taken.npy/inside")));

  save_npy(path("x.npy"), tensor({1, 2}));
  expect_error("save_npy", [&] { save_npy(path("x.npy"), Tensor()); }, {"tensor is an empty handle"});
  expect_values(load_npy(path("x.npy")), {1, 2}, 0);
  EXPECT_FALSE(fs::exists(path("x.npy.partial")));
}

}  // namespace
}  // namespace taper::test
