// safetensors files with tensors that are neither float32 nor float64: the others are read, and these are converted exactly.
#include "support/helpers.hpp"
#include "support/scratch.hpp"
#include <taper/taper.hpp>

#include <bit>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

using Texts = std::map<std::string, std::string>;

class SafeTensorsDtypes : public Scratch {
 protected:
  // Adds a tensor of one axis to the file that save() writes.
  template <class T>
  void add(const std::string& name, const std::string& dtype, const std::vector<T>& values) {
    const std::string bytes = bytes_of(values);
    header_ += (header_.empty() ? "" : ",") + ("\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":[") +
               std::to_string(values.size()) + "],\"data_offsets\":[" + std::to_string(data_.size()) + "," +
               std::to_string(data_.size() + bytes.size()) + "]}";
    data_ += bytes;
  }
  std::string save() {
    const std::string text = "{" + header_ + "}";
    return write(bytes_of(std::vector<std::uint64_t>{text.size()}) + text + data_);
  }

 private:
  std::string header_, data_;
};

TEST_F(SafeTensorsDtypes, OneOddTensorLeavesTheRest) {
  add<float>("weight", "F32", {1, 2});
  add<std::int64_t>("calls", "I64", {7});
  add<double>("bias", "F64", {0.5});
  add<std::uint8_t>("codes", "F8_E4M3", {1, 2, 3});
  const std::string file = save();
  State state = load_safetensors(file);
  ASSERT_EQ(state.tensors.size(), 2u);
  expect_same(state.tensors.at("weight"), tensor({1, 2}));
  expect_same(state.tensors.at("bias"), tensor({0.5}, float64));
  EXPECT_EQ(state.others, (Texts{{"calls", "I64"}, {"codes", "F8_E4M3"}}));

  state = load_safetensors(file, {.dtype = float64});
  EXPECT_EQ(state.tensors.size(), 3u);
  expect_same(state.tensors.at("weight"), tensor({1, 2}, float64));
  expect_same(state.tensors.at("calls"), tensor({7}, float64));
  EXPECT_EQ(state.others, (Texts{{"codes", "F8_E4M3"}}));
}

TEST_F(SafeTensorsDtypes, TheTensorsThatOneAsksForAreRead) {
  add<float>("a", "F32", {1});
  add<std::int64_t>("large", "I64", {(std::int64_t{1} << 53) + 1});
  add<std::uint16_t>("half", "F16", {0x3c00});
  add<std::uint8_t>("odd", "F4", {1});
  const std::string file = save();
  const State a = load_safetensors(file, {.names = {"a"}});
  EXPECT_EQ(a.tensors.size(), 1u);
  EXPECT_TRUE(a.others.empty());
  const State two = load_safetensors(file, {.names = {"half", "a"}, .dtype = float32});
  EXPECT_EQ(two.tensors.size(), 2u);
  expect_same(two.tensors.at("half"), tensor({1}));

  const auto expect_refused = [&](const SafetensorsOptions& options, const std::vector<std::string>& says) {
    std::vector<std::string> all = says;
    all.push_back(file);
    expect_error(
        "load_safetensors", [&] { load_safetensors(file, options); }, all);
  };
  expect_refused({.names = {"a", "b"}}, {"has no tensor 'b'"});
  expect_refused({.names = {"half"}}, {"tensor 'half' has dtype 'F16'", ".dtype = float64"});
  expect_refused({.names = {"odd"}, .dtype = float32}, {"tensor 'odd' has dtype 'F4', wanted 'F32'"});
  expect_refused({.dtype = float64},
                 {"tensor 'large': element (0,) is 9007199254740993, which is no float64"});
  expect_refused({.names = {"large"}, .dtype = float32}, {"which is no float32"});
}

// In both dtypes, against the values by which the formats are defined.
TEST_F(SafeTensorsDtypes, EveryHalfIsExact) {
  std::vector<std::uint16_t> every;
  for (unsigned bits = 0; bits < 65536; ++bits) every.push_back(static_cast<std::uint16_t>(bits));
  add("f16", "F16", every);
  add("bf16", "BF16", every);
  const std::string file = save();
  const auto value_of = [](unsigned bits, int fraction_bits) {
    const int exponent_bits = 15 - fraction_bits, bias = (1 << (exponent_bits - 1)) - 1;
    const int exponent = static_cast<int>(bits & 0x7fff) >> fraction_bits;
    const double fraction = std::ldexp(bits & ((1u << fraction_bits) - 1), -fraction_bits);
    const double size = exponent == (1 << exponent_bits) - 1
                            ? fraction == 0 ? std::numeric_limits<double>::infinity() : std::nan("")
                        : exponent == 0 ? std::ldexp(fraction, 1 - bias)
                                        : std::ldexp(1 + fraction, exponent - bias);
    return bits & 0x8000 ? -size : size;
  };
  for (const DType dtype : {float32, float64}) {
    const State state = load_safetensors(file, {.dtype = dtype});
    for (const auto& [name, fraction_bits] : {std::pair("f16", 10), std::pair("bf16", 7)}) {
      const std::vector<double> read = state.tensors.at(name).to_vector();
      for (unsigned bits = 0; bits < 65536; ++bits) {
        const double expected = value_of(bits, fraction_bits);
        const bool same = std::isnan(expected) ? std::isnan(read[bits])
                                               : std::bit_cast<std::uint64_t>(read[bits]) ==
                                                     std::bit_cast<std::uint64_t>(expected);
        ASSERT_TRUE(same) << name << ' ' << bits << ": " << read[bits] << ", wanted " << expected;
      }
    }
  }
}

TEST_F(SafeTensorsDtypes, WholeNumbersAndTruthValuesAreExact) {
  constexpr auto least = std::numeric_limits<std::int64_t>::min();
  add<std::uint8_t>("bool", "BOOL", {0, 1, 1});
  add<std::uint8_t>("u8", "U8", {0, 255});
  add<std::int8_t>("i8", "I8", {-128, 127});
  add<std::int16_t>("i16", "I16", {-32768, 32767});
  add<std::uint16_t>("u16", "U16", {0, 65535});
  add<std::int32_t>("i32", "I32", {-(1 << 24), 1 << 24});
  add<std::uint32_t>("u32", "U32", {0, 0xffffff00});
  add<std::int64_t>("i64", "I64", {least, std::int64_t{1} << 40});
  add<std::uint64_t>("u64", "U64", {0, 0xffffff0000000000});
  add<double>("f64", "F64", {0.5, -0.0});
  const std::string file = save();
  for (const DType dtype : {float32, float64}) {
    const auto tensors = load_safetensors(file, {.dtype = dtype}).tensors;
    const auto expect = [&](const char* name, const std::vector<double>& values) {
      SCOPED_TRACE(name);
      EXPECT_EQ(tensors.at(name).dtype(), dtype);
      EXPECT_EQ(tensors.at(name).to_vector(), values);
    };
    expect("bool", {0, 1, 1});
    expect("u8", {0, 255});
    expect("i8", {-128, 127});
    expect("i16", {-32768, 32767});
    expect("u16", {0, 65535});
    expect("i32", {-16777216, 16777216});
    expect("u32", {0, 4294967040});
    expect("i64", {-9223372036854775808.0, 1099511627776});
    expect("u64", {0, 18446742974197923840.0});
    expect("f64", {0.5, -0.0});
  }
}

TEST_F(SafeTensorsDtypes, ANumberThatTheDtypeLacksIsNamed) {
  const auto expect_refused = [&](const char* dtype, const auto& values, DType wanted,
                                  const std::string& says) {
    add(dtype, dtype, values);
    const std::string file = save();
    expect_error("load_safetensors", [&] { load_safetensors(file, {.names = {dtype}, .dtype = wanted}); },
                 {"tensor '" + std::string(dtype) + "'", says});
  };
  expect_refused("I32", std::vector<std::int32_t>{1, 16777217}, float32,
                 "element (1,) is 16777217, which is no float32; float64 holds more");
  expect_refused("F64", std::vector<double>{0.1}, float32, "which is no float32");
  expect_refused("U64", std::vector<std::uint64_t>{0xffffffffffffffff}, float64,
                 "18446744073709551615, which is no float64");
}

TEST_F(SafeTensorsDtypes, AModelOfHalvesSaysHowToLoadIt) {
  const nn::Linear model(2, 1);
  add<std::uint16_t>("bias", "BF16", {0x3f80});
  add<std::uint16_t>("weight", "BF16", {0x4000, 0x4040});
  std::string file = save();
  expect_error("load", [&] { nn::load(file, model); },
               {file, "tensor 'bias' has dtype 'BF16'", "load_safetensors(path, {.dtype = float64})"});
  expect_error("load_checkpoint",
               [&] {
                 Generator generator;
                 optim::Adam adam(model.parameters());
                 nn::Run run{model, adam, generator};
                 load_checkpoint(file, run);
               },
               {file, "tensor 'bias' has dtype 'BF16'"});
  auto tensors = load_safetensors(file, {.dtype = float32}).tensors;
  tensors["weight"] = reshape(tensors["weight"], {2, 1});
  model.load_state_dict(tensors);
  expect_same(model(tensor({{1, 1}})).detach(), tensor({{6}}));
}

TEST_F(SafeTensorsDtypes, WhatWasNotReadIsNotLostByWriting) {
  add<std::int64_t>("calls", "I64", {7});
  const std::string file = save(), before = read(file);
  State state = load_safetensors(file);
  expect_error("save_safetensors", [&] { save_safetensors(file, state); },
               {file, "tensor 'calls' has dtype 'I64'", "State::others"});
  EXPECT_EQ(read(file), before);
  state.others.clear();
  save_safetensors(file, state);
  EXPECT_TRUE(load_safetensors(file).others.empty());
}

}  // namespace
}  // namespace taper::test
