// compress_state and expand_state: every bit comes back, and nothing in a file is trusted.
#include "support/helpers.hpp"
#include <taper/taper.hpp>

#include <limits>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

Tensor with_zeros(const Shape& shape, double share, Generator& generator, DType dtype) {
  const Tensor keep = uniform(shape, 0, 1, generator, dtype) >= share;
  return where(keep, randn(shape, generator, dtype), zeros(shape, dtype));
}

TEST(CompressedState, EveryBitComesBack) {
  Generator generator(fresh_seed());
  for (const DType dtype : {float32, float64}) {
    State state;
    for (const Shape& shape :
         {Shape{}, Shape{0, 3}, Shape{24}, Shape{25}, Shape{7, 48}, Shape{2, 3, 50}, Shape{97, 1}}) {
      for (const double share : {0.0, 0.5, 0.9, 1.0})
        state.tensors[printed(shape) + std::to_string(share)] = with_zeros(shape, share, generator, dtype);
    }
    Tensor odd = zeros({100}, dtype);
    dispatch(dtype, [&]<class T>() {
      odd.mutable_data<T>()[3] = -T{0};
      odd.mutable_data<T>()[23] = std::numeric_limits<T>::quiet_NaN();
      odd.mutable_data<T>()[24] = std::numeric_limits<T>::denorm_min();
      odd.mutable_data<T>()[99] = -std::numeric_limits<T>::infinity();
    });
    state.tensors["odd"] = odd;
    state.texts["step"] = "3";
    const State small = compress_state(state), again = expand_state(small);
    EXPECT_EQ(again.texts, state.texts);
    ASSERT_EQ(again.tensors.size(), state.tensors.size());
    for (const auto& [name, tensor] : state.tensors) expect_same(again.tensors.at(name), tensor);
    EXPECT_TRUE(small.tensors.count("odd.values"));
    EXPECT_EQ(small.tensors.at("odd.values").size(), 4);
    EXPECT_EQ(small.texts.at("taper.compressed.odd"), "100");
    EXPECT_TRUE(small.tensors.count(printed(Shape{7, 48}) + std::to_string(0.0))) << "dense stays as it is";
  }
}

TEST(CompressedState, TheMaskIsThatOfThePage) {
  const State small =
      compress_state({{{"w", tensor({{0, 0, 7, 0, 0, 0, 0, 0, 0}, {0, 0, 0, 0, 0, 0, 0, 0, 5}})}}});
  expect_values(small.tensors.at("w.mask").to(float64), {1 << 2 | 1 << 17});
  expect_values(small.tensors.at("w.values").to(float64), {7, 5});
  EXPECT_EQ(small.texts.at("taper.compressed.w"), "2 9");
}

TEST(CompressedState, WhatDoesNotFitIsRefused) {
  State good = compress_state({{{"w", one_hot({9}, 50)}}}), state = good;
  const auto rejects = [&](const std::vector<std::string>& says) {
    expect_error(
        "expand_state", [&] { expand_state(state); }, says);
    state = good;
  };
  for (const char* text : {"1 48", "-1 -50", "9223372036854775807 9223372036854775807"})
    state.texts["taper.compressed.w"] = text, rejects({"w"});
  state.texts["taper.compressed.w"] = "1 x", rejects({"must be a shape", "'1 x'"});
  state.tensors.erase("w.mask"), rejects({"'w' lacks"});
  state.tensors["w.values"] = ones({2}), rejects({"leaves 1 values over"});
  state.tensors["w.values"] = ones({0}), rejects({"more values than 0"});
  state.tensors["w.values"] = ones({1, 1}), rejects({"values (1, 1)"});
  state.tensors["w.mask"] = tensor({512.0, 0.0, 1.0}).to(float64), rejects({"float64"});
  state.tensors["w.mask"] = tensor({512, 0, 4}), rejects({"has 4, wanted 2 bits"});
  state.tensors["w.mask"] = tensor({512.5, 0.0, 0.0}), rejects({"has 512.5"});
  state.tensors["w.mask"] = tensor({-1, 0, 0}), rejects({"has -1"});
  state.tensors["w"] = ones({1}), rejects({"there twice"});
  expect_error("compress_state",
               [] {
                 compress_state({{{"w", zeros({50})}, {"w.mask", ones({2})}}});
               },
               {"'w", "taken"});
  expect_error("compress_state", [] { compress_state({{{"w", Tensor()}}}); }, {"w"});
  expect_error("compress_state", [&] { compress_state(good); },
               {"compressed already", "'taper.compressed.w'"});
}

}  // namespace
}  // namespace taper::test
