// safetensors files: round trips, the file that the Python package wrote, and what can't be written. The
// files that must be refused are in safetensors_hostile_test.cpp.
#include "support/helpers.hpp"
#include "support/scratch.hpp"
#include <taper/taper.hpp>

#include <bit>
#include <cstring>
#include <limits>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

class SafeTensors : public Scratch {
 protected:
  // Saves, loads, and expects the same names, bits and texts.
  void expect_round_trip(const State& state) const {
    save_safetensors(path("x"), state);
    const State loaded = load_safetensors(path("x"));
    EXPECT_EQ(loaded.texts, state.texts);
    ASSERT_EQ(loaded.tensors.size(), state.tensors.size());
    for (const auto& [name, tensor] : state.tensors) {
      SCOPED_TRACE(name);
      ASSERT_EQ(loaded.tensors.count(name), 1u);
      const Tensor& back = loaded.tensors.at(name);
      expect_same(back, tensor);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(back.impl().data) % 64, 0u);
      EXPECT_FALSE(back.wants_grad());
    }
    EXPECT_EQ(names(), std::vector<std::string>{"x"});
  }
};

TEST_F(SafeTensors, ComeBackAsTheyWere) {
  const std::uint64_t seed = fresh_seed();
  SCOPED_TRACE("TAPER_SEED=" + std::to_string(seed));
  Generator generator(seed);
  State all;
  for (const DType dtype : {float32, float64}) {
    for (const Shape& shape : {Shape{}, Shape{1}, Shape{5}, Shape{2, 3}, Shape{0, 3}, Shape{2, 0}, Shape{0},
                               Shape{3, 1, 5}, Shape{2, 1, 3, 2}, Shape{1, 2, 1, 3, 2},
                               Shape{2, 1, 1, 1, 1, 3}, Shape{2, 1, 3, 1, 2, 1, 2}, Shape::filled(64, 1)}) {
      const Tensor x = randn(shape, generator, dtype);
      expect_round_trip({{{"x", x}}, {}});
      all.tensors[printed(shape) + printed(dtype)] = x;
    }
  }
  expect_round_trip(all);
  expect_round_trip({});
  expect_round_trip({{}, {{"only", "texts"}}});
}

TEST_F(SafeTensors, KeepEveryBit) {
  std::vector<std::uint64_t> wide = {
      0, 1, 1ull << 63, 0x7ff0000000000000, 0x7ff0000000000001, 0xfff8000000000123, 0x7fffffffffffffff};
  std::vector<std::uint32_t> narrow = {0, 1, 1u << 31, 0x7f800000, 0x7f800001, 0xffc00123, 0x7fffffff};
  Tensor x = zeros({7}, float64), y = zeros({7}, float32);
  std::memcpy(x.mutable_data<double>(), wide.data(), 7 * 8);
  std::memcpy(y.mutable_data<float>(), narrow.data(), 7 * 4);
  expect_round_trip({{{"x", x}, {"y", y}}, {}});
}

TEST_F(SafeTensors, KeepNamesAndTexts) {
  State state;
  for (const std::string name : {"", " ", "a.b.c", "Gewöhnlich.größe", "𝛕", "\"quoted\"", "back\\slash",
                                 "new\nline", "\x7f", "/", "data_offsets", "__metadata", "dtype"}) {
    state.tensors[name] = full({2}, static_cast<double>(state.tensors.size()));
    state.texts[name] = "text of " + name;
  }
  state.texts["empty"] = "";
  state.texts["zero"] = std::string("a\0b", 3);
  state.texts["__metadata__"] = "{\"dtype\":";
  state.texts["long"] = std::string(100'000, 'x');
  expect_round_trip(state);
}

// Byte for byte what the Python package writes of the same: see golden/make_safetensors.py.
TEST_F(SafeTensors, WriteAndReadWhatThePythonPackageWrites) {
  const std::string golden = std::string(TAPER_GOLDEN_DIR) + "/python.safetensors";
  const State state = load_safetensors(golden);
  EXPECT_EQ(state.texts, (std::map<std::string, std::string>{{"made by", "safetensors for Python"}}));
  ASSERT_EQ(state.tensors.size(), 6u);
  const double inf = std::numeric_limits<double>::infinity(), third = 1 / 3.0;
  const auto expect = [&](const char* name, const Tensor& expected) {
    SCOPED_TRACE(name);
    ASSERT_EQ(state.tensors.count(name), 1u);
    expect_same(state.tensors.at(name), expected);
  };
  expect("linear.weight", tensor({{1, -2.5, 3}, {0.1, 1e-45, -0.0}}));
  expect("linear.bias", full({1}, third, float64));
  expect("scalar", full({}, 1e300, float64));
  expect("Größe \"𝛕\"", tensor({inf, -inf, 65504}));
  expect("empty", zeros({0, 3}, float64));
  expect("nan", [] {
    Tensor x = zeros({1});
    *x.mutable_data<float>() = std::bit_cast<float>(0x7fc00abcu);
    return x;
  }());

  save_safetensors(path("x"), state);
  EXPECT_EQ(read(path("x")), read(golden));
}

TEST_F(SafeTensors, AlignEveryTensorForWhoMapsTheFile) {
  save_safetensors(path("x"), {{{"a", ones({3})}, {"b", ones({1}, float64)}, {"ccc", ones({1})}}, {}});
  const std::string bytes = read(path("x"));
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  EXPECT_EQ(length % 8, 0u);
  EXPECT_NE(bytes.find("\"b\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]}"), std::string::npos);
  EXPECT_NE(bytes.find("\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[8,20]}"), std::string::npos);
}

TEST_F(SafeTensors, WhatCannotBeWrittenIsNamed) {
  save_safetensors(path("x"), {{{"old", ones({1})}}, {}});
  const std::string before = read(path("x"));
  const auto expect_refused = [&](const State& state, const std::vector<std::string>& says) {
    expect_error(
        "save_safetensors", [&] { save_safetensors(path("x"), state); }, says);
    EXPECT_EQ(read(path("x")), before);
    EXPECT_EQ(names(), std::vector<std::string>{"x"});
  };
  const Tensor one = ones({1});
  expect_refused({{{"a", one}, {"no.tensor", {}}}, {}}, {path("x"), "tensor 'no.tensor'", "empty handle"});
  expect_refused({{{std::string("a\0b", 3), one}}, {}}, {"tensor 'a\\u0000b'", "zero byte"});
  expect_refused({{{"__metadata__", one}}, {}}, {"tensor '__metadata__'"});
  expect_refused({{{"bad\xff", one}}, {}}, {"tensor 'bad\\ufffd'", "UTF-8"});
  expect_refused({{{"\xed\xa0\x80", one}}, {}}, {"UTF-8"});  // half of a surrogate pair
  expect_refused({{}, {{"k\xc3", "v"}}}, {"name of text 'k\\ufffd'", "UTF-8"});
  expect_refused({{}, {{"k", "v\x80"}}}, {"the text 'k'", "UTF-8"});
  expect_refused({{{"deep", ones(Shape::filled(65, 1))}}, {}}, {"tensor 'deep'", "65 axes"});
  const std::int64_t huge = std::int64_t{1} << 40;
  expect_refused({{{"wide", ones({huge, 0, huge})}}, {}}, {"tensor 'wide'", "too large"});
  expect_error("save_safetensors", [&] { save_safetensors(path("no/x"), {}); }, {path("no/x")});
}

}  // namespace
}  // namespace taper::test
