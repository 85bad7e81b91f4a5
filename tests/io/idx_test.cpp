// idx files: MNIST's form and each other type of element, and damage.
#include "support/helpers.hpp"
#include "support/random_cases.hpp"
#include "support/scratch.hpp"
#include <taper/taper.hpp>

#include <algorithm>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

std::string big_endian(std::uint32_t value) {
  std::string bytes = bytes_of<std::uint32_t>({value});
  std::reverse(bytes.begin(), bytes.end());
  return bytes;
}

template <class T>
std::string idx(unsigned char type, const std::vector<std::uint32_t>& extents,
                const std::vector<T>& elements) {
  std::string bytes{'\0', '\0', static_cast<char>(type), static_cast<char>(extents.size())};
  for (const std::uint32_t extent : extents) bytes += big_endian(extent);
  for (const T element : elements) {
    std::string turned = bytes_of<T>({element});
    std::reverse(turned.begin(), turned.end());
    bytes += turned;
  }
  return bytes;
}

class Idx : public Scratch {
 protected:
  void expect_rejected(const std::string& bytes, const std::string& why) const {
    const std::string file = write(bytes);
    expect_error("load_idx", [&] { load_idx(file); }, {file, why});
    expect_error("load_idx_labels", [&] { load_idx_labels(file); }, {file, why});
  }
};

TEST_F(Idx, ReadsPicturesAndLabels) {
  const Tensor pictures =
      load_idx(write(idx<std::uint8_t>(8, {2, 2, 3}, {0, 1, 2, 3, 4, 5, 255, 128, 7, 8, 9, 10})));
  EXPECT_EQ(pictures.shape(), (Shape{2, 2, 3}));
  EXPECT_EQ(pictures.dtype(), float32);
  expect_values(pictures, {0, 1, 2, 3, 4, 5, 255, 128, 7, 8, 9, 10}, 0);
  const Indices labels = load_idx_labels(write(idx<std::uint8_t>(8, {3}, {7, 0, 255})));
  EXPECT_EQ(labels.shape(), Shape{3});
  EXPECT_EQ(labels[0], 7);
  EXPECT_EQ(labels[2], 255);
  EXPECT_EQ(load_idx(write(idx<std::uint8_t>(8, {0, 28}, {}))).shape(), (Shape{0, 28}));
}

TEST_F(Idx, ReadsEveryType) {
  expect_values(load_idx(write(idx<std::int8_t>(9, {2}, {-128, 127}))), {-128, 127}, 0);
  expect_values(load_idx(write(idx<std::int16_t>(11, {2}, {-32768, 258}))), {-32768, 258}, 0);
  const Tensor ints = load_idx(write(idx<std::int32_t>(12, {2}, {-2147483647, 16777217})));
  EXPECT_EQ(ints.dtype(), float64);
  expect_values(ints, {-2147483647, 16777217}, 0);
  expect_same(load_idx(write(idx<float>(13, {2}, {1.5f, -0.1f}))), tensor({1.5f, -0.1f}));
  expect_same(load_idx(write(idx<double>(14, {2}, {1.5, -0.1}))), tensor({1.5, -0.1}, float64));
  EXPECT_EQ(load_idx_labels(write(idx<std::int32_t>(12, {1}, {-2147483647})))[0], -2147483647);
  for (const std::string& bytes : {idx<float>(13, {1}, {1}), idx<double>(14, {1}, {1})}) {
    expect_error("load_idx_labels", [&] { load_idx_labels(write(bytes)); }, {"floats"});
  }
}

TEST_F(Idx, RefusesWhatIsNoFile) {
  const std::string whole = idx<std::uint8_t>(8, {2, 2}, {1, 2, 3, 4});
  for (std::size_t size = 0; size < whole.size(); ++size) expect_rejected(whole.substr(0, size), "");
  expect_rejected(whole.substr(0, 10), "cut short in its header");
  expect_rejected(whole.substr(0, 15), "has the shape (2, 2), for which 3 bytes are too few");
  expect_rejected(whole + "x", "has the shape (2, 2), for which 5 bytes are too many");
  expect_rejected("\x1f\x8b" + whole, "is compressed");
  expect_rejected("P5 28 28 255", "is not an idx file");
  expect_rejected(idx<std::uint8_t>(10, {1}, {1}), "is not an idx file");
  expect_rejected(idx<std::uint8_t>(8, {}, {1}), "is not an idx file");
  expect_rejected(idx<std::uint8_t>(8, {0xffffffff, 0xffffffff, 0xffffffff}, {1}), "too few");
  expect_error("load_idx", [&] { load_idx(path("missing")); }, {path("missing")});
}

class IdxDamage : public Idx, protected RandomCases {};

TEST_F(IdxDamage, IsReadOrRefused) {
  const std::string whole = idx<std::int16_t>(11, {2, 3}, {1, 2, 3, 4, 5, 6});
  for (int round = 0; round < 1000; ++round) {
    std::string bytes = whole;
    for (std::int64_t change = integer(1, 3); change > 0; --change) {
      bytes[static_cast<std::size_t>(integer(2, 11))] = static_cast<char>(integer(0, chance(0.7) ? 14 : 255));
    }
    SCOPED_TRACE(testing::PrintToString(bytes));
    try {
      ASSERT_LE(load_idx(write(bytes)).size(), 12);
    } catch (const Error&) {
    } catch (const std::exception& error) {
      FAIL() << "threw something else than taper::Error: " << error.what();
    }
  }
}

}  // namespace
}  // namespace taper::test
