// .npy files: round trips, files that NumPy wrote, and files of other formats.
#include "support/helpers.hpp"
#include "support/scratch.hpp"
#include <taper/taper.hpp>

#include <cmath>
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

  // Element (i, j, k) is i + 10 j + 100 k.
  const std::vector<double> cube{0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121};
  expect_values(load_npy(write(npy(header("<f8", "(2, 3, 2)", "True"), bytes_of(cube)))),
                {0, 100, 10, 110, 20, 120, 1, 101, 11, 111, 21, 121}, 0);

  const Tensor scalar = load_npy(write(npy(header("<f8", "()"), bytes_of<double>({2.5}))));
  EXPECT_EQ(scalar.rank(), 0);
  EXPECT_EQ(scalar.item(), 2.5);
  const Tensor vector = load_npy(write(npy(header("<f4", "(2,)"), bytes_of<float>({1, 2}))));
  EXPECT_TRUE(vector.shape() == Shape{2});
  EXPECT_TRUE(load_npy(write(npy(header("<f4", "(0, 3)")))).shape() == (Shape{0, 3}));
}

// Byte by byte what numpy.save makes of the same array.
TEST_F(Npy, WritesWhatNumPyWrites) {
  save_npy(path("x.npy"), tensor({{1, 2.5, -3}, {4, 5, 6}}));
  EXPECT_EQ(read(path("x.npy")), npy(header("<f4", "(2, 3)"), bytes_of<float>({1, 2.5f, -3, 4, 5, 6})));
  save_npy(path("x.npy"), tensor(7, float64));
  EXPECT_EQ(read(path("x.npy")), npy(header("<f8", "()"), bytes_of<double>({7})));
  save_npy(path("x.npy"), tensor({8}));
  EXPECT_EQ(read(path("x.npy")), npy(header("<f4", "(1,)"), bytes_of<float>({8})));
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

// What numpy.load reads is read: keys in any order, either quote, any spaces, all three versions of the format,
// both orders of bytes.
TEST_F(Npy, ReadsHeadersThatMeanTheSame) {
  const std::string payload = bytes_of<float>({1, 2});
  for (const char* form : {"{'shape': (2,), 'fortran_order': True, 'descr': '<f4'}",
                           "{\"descr\": \"<f4\", \"fortran_order\": False, \"shape\": (2,)}",
                           "{ 'descr' :'=f4','fortran_order':False,\n\t'shape':( 2 , ) , }",
                           "{'descr': '<f4', 'fortran_order': False, 'shape': (2L,), }"}) {
    SCOPED_TRACE(form);
    expect_same(load_npy(write(npy(form, payload))), tensor({1, 2}));
  }

  const std::string text = header("<f4", "(2,)");
  for (const char version : {2, 3}) {
    const std::string start = std::string("\x93NUMPY", 6) + version + '\0' + static_cast<char>(text.size());
    expect_same(load_npy(write(start + std::string(3, '\0') + text + payload)), tensor({1, 2}));
  }
  expect_rejected(npy(header("<f4", "(2,)"), payload).replace(6, 1, 1, '\4'),
                  "version 4.0, wanted 1.0, 2.0 or 3.0");

  const std::string big("\x3f\x80\x00\x00\xc0\x20\x00\x00", 8);  // 1 and -2.5
  expect_same(load_npy(write(npy(header(">f4", "(2,)"), big))), tensor({1, -2.5}));
}

TEST_F(Npy, ConvertsOtherNumbersExactly) {
  const auto both = [&](const std::string& descr, const std::string& payload,
                        const std::vector<double>& expected) {
    SCOPED_TRACE(descr);
    const std::string file = write(npy(header(descr, "(" + std::to_string(expected.size()) + ",)"), payload));
    expect_error("load_npy", [&] { load_npy(file); },
                 {file, "wanted float32 or float64; load_npy(path, float"});
    for (const DType dtype : {float32, float64}) {
      const Tensor x = load_npy(file, dtype);
      EXPECT_EQ(x.dtype(), dtype);
      expect_values(x, expected, 0);
    }
  };
  both("|b1", bytes_of<std::uint8_t>({0, 1, 255}), {0, 1, 1});
  both("|i1", bytes_of<std::int8_t>({-128, 127}), {-128, 127});
  both("|u1", bytes_of<std::uint8_t>({0, 255}), {0, 255});
  both("<i2", bytes_of<std::int16_t>({-32768, 32767}), {-32768, 32767});
  both(">u2", std::string("\xff\xfe\x00\x01", 4), {65534, 1});
  both("<i4", bytes_of<std::int32_t>({-2147483647 - 1, 16777216}), {-2147483648.0, 16777216});
  both("<u4", bytes_of<std::uint32_t>({4294967040}), {4294967040.0});
  both(">i8", std::string("\xff\xff\xff\xff\xff\xff\xff\xfe", 8), {-2});
  both("<i8", bytes_of<std::int64_t>({std::numeric_limits<std::int64_t>::min()}), {-9223372036854775808.0});
  both("<u8", bytes_of<std::uint64_t>({1ull << 63}), {9223372036854775808.0});
  // numpy.float16's 1, -2, the smallest subnormal, the largest subnormal, the smallest normal number and the largest one.
  both("<f2", bytes_of<std::uint16_t>({0x3c00, 0xc000, 0x0001, 0x03ff, 0x0400, 0x7bff}),
       {1, -2, 0x1p-24, 0x3ffp-24, 0x1p-14, 65504});

  const Tensor special = load_npy(
      write(npy(header("<f2", "(4,)"), bytes_of<std::uint16_t>({0x7c00, 0xfc00, 0x7e00, 0x8000}))), float32);
  const double inf = std::numeric_limits<double>::infinity();
  expect_values(special, {inf, -inf, std::nan(""), 0}, 0);
  EXPECT_TRUE(std::signbit(special.data<float>()[3]));
}

TEST_F(Npy, RefusesNumbersThatTheDtypeLacks) {
  const auto expect_no = [&](const std::string& descr, const std::string& payload, DType dtype,
                             const std::string& why) {
    const std::string file = write(npy(header(descr, "(1, 2)", "True"), payload));
    expect_error("load_npy", [&] { load_npy(file, dtype); }, {file, why});
  };
  expect_no("<i4", bytes_of<std::int32_t>({1, 16777217}), float32,
            "element (0, 1) is 16777217, which is no float32; float64 holds more");
  expect_no("<u8", bytes_of<std::uint64_t>({1, ~0ull}), float64,
            "element (0, 1) is 18446744073709551615, which is no float64");
  expect_no("<i8", bytes_of<std::int64_t>({-9007199254740993, 1}), float64, "-9007199254740993");
  expect_no("<f8", bytes_of<double>({1, 0.1}), float32, "which is no float32");
  expect_no("<f8", bytes_of<double>({1e300, 0}), float32, "which is no float32");
}

TEST_F(Npy, RefusesOtherDtypesAndForms) {
  expect_rejected(
      npy(header("<c8", "(1,)"), std::string(8, 0)),
      "has dtype '<c8', wanted truth values, whole numbers or floats of at most 64 bits; NumPy converts");
  expect_rejected(npy(header("<f16", "(1,)"), std::string(16, 0)), "'<f16'");
  expect_rejected(npy(header("", "(1,)"), std::string(16, 0)), "''");
  expect_rejected("PK\3\4 and more bytes", "is a .npz archive");
  expect_rejected("this is a text, and no array", "not a .npy file");
  expect_rejected("", "not a .npy file");
  const std::string four(4, 0);
  expect_rejected(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", four),
                  "has fields (a structured dtype)");
  for (const char* form : {"{}", "", "{'descr': '<f4'}",
                           "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}",
                           "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': '1'}",
                           "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} 1",
                           "{'descr': '<f4' 'fortran_order': False, 'shape': (1,)}",
                           "{'descr': '<f4', 'fortran_order': false, 'shape': (1,)}",
                           "{'descr': '<f4', 'fortran_order': False, 'shape': [1]}",
                           "{'descr': '<f4, 'fortran_order': False, 'shape': (1,)}"}) {
    SCOPED_TRACE(form);
    expect_rejected(npy(form, four), "header that is not that of a plain array");
  }
}

TEST_F(Npy, RefusesShapesThatAreNone) {
  expect_rejected(npy(header("<f4", "(4000000000, 4000000000, 4000000000)")), "4000000000");
  expect_rejected(npy(header("<f8", "(9223372036854775807,)")), "large");
  expect_rejected(npy(header("<f8", "(99999999999999999999999999,)")), "large");
  const std::string payload = bytes_of<float>({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  for (const char* shape :
       {"(3 4)", "(,)", "(3,,4)", "( , 3)", "(1 2,)", "(3,4,,)", "(12)", "(0 0)", "(-3,)", "(3, 4", "(L,)"}) {
    SCOPED_TRACE(shape);
    expect_rejected(npy(header("<f4", shape), payload), "header that is not that of a plain array");
  }
  EXPECT_TRUE(load_npy(write(npy(header("<f4", "(3, 4, )"), payload))).shape() == (Shape{3, 4}));
}

// A header as long as the format allows.
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
    // No more than the file has room for: of a header that says it is shorter, the rest may count as numbers.
    expect_read_or_refused(bytes, static_cast<std::int64_t>(bytes.size() / sizeof(float)));
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
