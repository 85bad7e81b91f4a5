// What the registry can't say of the ops that put elements elsewhere: special values, both dtypes, what is
// shared and what is copied, compositions, sizes beyond one part of a loop.
#include "support/helpers.hpp"
#include "support/kinds.hpp"
#include <taper/taper.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
const double nan = std::numeric_limits<double>::quiet_NaN();

struct LayoutEdges : Kinds {};
INSTANTIATE_TEST_SUITE_P(All, LayoutEdges, all_kinds);

// -0, subnormals, infinities and NaN arrive bit for bit.
TEST_P(LayoutEdges, MovedElementsKeepTheirBits) {
  const Tensor x = on(tensor({{-0.0, 0x1p-149, inf}, {-inf, nan, 1e20}}, float64));
  const Tensor back = x.to(Device::cpu());
  expect_same(permute(permute(x, {1, 0}), {-1, 0}), back);
  expect_same(flip(flip(x), {0, 1}), back);
  expect_same(stack(split(x, 2), 0)[0][0], back[0]);
  expect_same(concat(split(x, {1, 0, 2}, 1), 1), back);
  expect_same(squeeze(unsqueeze(x, 1)), back);
  expect_same(flatten(x).view({2, 3}), back);
  expect_same(slice(pad(x, {{0, 1}, {2, 0}}, nan), 1, 2, 5)[1], back[1]);
}

TEST_P(LayoutEdges, TrianglesCutOffWhatIsNotFinite) {
  const Tensor x = on(tensor({{1, nan, inf}, {nan, 2, -inf}, {-inf, nan, 3}}, float64));
  expect_values(tril(triu(x)), {1, 0, 0, 0, 2, 0, 0, 0, 3}, 0);
  expect_values(triu(x, 1), {0, nan, inf, 0, 0, -inf, 0, 0, 0}, 0);
  expect_values(tril(x, -2), {0, 0, 0, 0, 0, 0, -inf, 0, 0}, 0);
  for (const auto f : {triu, tril}) {  // and so does the cotangent
    const Tensor dx = gradient_of([f](const Tensor& z) { return f(z, 0); }, on(ones({3, 3})), x);
    expect_same(dx, f(x, 0).to(Device::cpu()));
  }
}

TEST_P(LayoutEdges, DiagonalsFarOutsideOfTheMatrix) {
  const Tensor x = on(tensor({{1, 2, 3}, {4, 5, 6}}, float64)), all = x.to(Device::cpu()),
               none = zeros_like(all);
  constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max(), least = -largest - 1;
  expect_same(triu(x, largest), none);
  expect_same(triu(x, least), all);
  expect_same(tril(x, largest), all);
  expect_same(tril(x, least), none);
}

TEST_P(LayoutEdges, PadsWithAnyNumber) {
  const Tensor x = on(row({1, 2}));
  expect_values(pad(x, {{1, 2}}, -inf), {-inf, 1, 2, -inf, -inf}, 0);
  expect_values(pad(x, {{0, 1}}, nan), {1, 2, nan}, 0);
  expect_values(gradient_of(
                    [](const Tensor& z) {
                      return pad(z, {{1, 2}}, 5);
                    },
                    x, on(row({nan, 3, 4, inf, 5}))),
                {3, 4}, 0);
}

// Longer than a thread's part in one loop or the other, so that several threads copy.
TEST_P(LayoutEdges, LargeTensorsInParts) {
  for (const Shape& shape : {Shape{3, 40000}, Shape{40000, 3}, Shape{7, 50, 11, 13}, Shape{100000}}) {
    const Tensor x = arange(static_cast<double>(element_count("test", shape)), kind).view(shape);
    SCOPED_TRACE(printed(shape));
    const std::vector<double> values = x.to_vector();
    std::vector<double> reversed(values.rbegin(), values.rend());
    EXPECT_EQ(flip(x).to_vector(), reversed);
    const std::vector<Padding> paddings(static_cast<std::size_t>(x.rank()), {2, 1});
    const Tensor padded = pad(x, paddings, 1);
    EXPECT_EQ(sum(padded.to(float64)).item(),
              sum(x.to(float64)).item() + static_cast<double>(padded.size() - x.size()));
    Tensor inside = padded;
    for (int axis = 0; axis < x.rank(); ++axis) inside = slice(inside, axis, 2, 2 + shape[axis]);
    EXPECT_EQ(inside.to_vector(), values);
    Shape order = Shape::filled(x.rank(), 0);
    for (int axis = 0; axis < x.rank(); ++axis) order[axis] = (axis + 1) % x.rank();
    Tensor turned = x;
    for (int axis = 0; axis + 1 < x.rank(); ++axis) turned = transpose(turned, axis, axis + 1);
    EXPECT_EQ(permute(x, order).to_vector(), turned.to_vector());
  }
}

// One of each kind of permutation that is no swap: a copy along four loops.
TEST_P(LayoutEdges, PermutationsThatAreNoSwap) {
  const Tensor x = arange(6 * 5 * 40 * 30, kind).view({6, 5, 40, 30});
  const Tensor swapped = transpose(transpose(x, 0, 1), 2, 3);
  EXPECT_EQ(permute(x, {1, 0, 3, 2}).to_vector(), swapped.to_vector());
  EXPECT_EQ(permute(x, {1, 0, 2, 3}).to_vector(), transpose(x, 0, 1).to_vector());
  EXPECT_EQ(permute(x, {3, 1, 2, 0}).to_vector(), transpose(x, 0, 3).to_vector());
  EXPECT_EQ(permute(x, {3, 2, 1, 0}).to_vector(), transpose(transpose(x, 0, 3), 1, 2).to_vector());
}

TEST(LayoutEdge, WhatKeepsTheOrderSharesTheElements) {
  const Tensor x = ones({2, 1, 3}, float64);
  EXPECT_EQ(squeeze(x).data<double>(), x.data<double>());
  EXPECT_EQ(unsqueeze(x, 0).data<double>(), x.data<double>());
  EXPECT_EQ(flatten(x).data<double>(), x.data<double>());
  EXPECT_NE(x[0].data<double>(), x.data<double>());
  EXPECT_NE(permute(x, {0, 1, 2}).data<double>(), x.data<double>());
}

TEST(LayoutEdge, AllAxesGivenAreAllThatAreSqueezed) {
  expect_error("squeeze", [] { squeeze(zeros({1, 2}), Axes()); }, {"axis 1 of shape (1, 2)", "extent 2"});
  EXPECT_EQ(squeeze(zeros({1, 1}), Axes()).rank(), 0);
}

TEST(LayoutEdge, StackTakesOneTensorTwice) {
  const auto f = [](const Tensor& x) { return stack({x, 2.0 * x, x}, 1); };
  expect_values(gradient_of(f, row({1, 2}), tensor({{1, 10, 100}, {2, 20, 200}}, float64)), {121, 242}, 0);
}

TEST(LayoutEdge, StackRefusesOtherDtypes) {
  expect_error("stack",
               [] {
                 stack({ones({2}), ones({2}, float64)});
               },
               {"tensors[1] is float64 (2,)", "tensors[0] float32 (2,)"});
  expect_error("stack", [] { stack({ones({2}), Tensor()}); }, {"tensors[1] is an empty handle"});
}

TEST(LayoutEdge, SplitTakesAnyIntegerForANumber) {
  const Tensor x = arange(6);
  EXPECT_EQ(split(x, 2).size(), 2u);
  EXPECT_EQ(split(x, std::size_t{3}).size(), 3u);
  EXPECT_EQ(split(x, std::int64_t{6}).size(), 6u);
  EXPECT_EQ(split(x, {6}).size(), 1u) << "in braces it is a size";
  EXPECT_EQ(split(zeros({0, 2}), std::vector<std::int64_t>()).size(), 0u);
  expect_values(split(x, {1, 5})[1], {1, 2, 3, 4, 5}, 0);
  expect_error("split", [&] { split(x, {2, -1, 5}); }, {"sizes[1] is -1"});
}

// A part that nobody uses gets no cotangent.
TEST(LayoutEdge, SplitSendsEachPartsCotangentToItsPlace) {
  const auto f = [](const Tensor& x) {
    const std::vector<Tensor> parts = split(x, 3);
    return parts[2] * parts[0];
  };
  expect_values(gradient_of(f, row({1, 2, 3, 4, 5, 6})), {5, 6, 0, 0, 1, 2}, 0);
}

TEST(Reading, ASliceAlongTheFirstAxis) {
  const Tensor x = tensor({{1, 2, 3}, {4, 5, 6}}, float64);
  expect_values(x[1], {4, 5, 6}, 0);
  expect_values(x[-2], {1, 2, 3}, 0);
  EXPECT_EQ(x[1][2].rank(), 0);
  EXPECT_EQ(x[1][-1].item(), 6);
  EXPECT_TRUE(zeros({2, 0, 3})[0].shape() == (Shape{0, 3}));
  expect_error("operator[]", [&] { x[2]; }, {"i is out of range", "got 2", "axis 0", "(2, 3)"});
  expect_error("operator[]", [&] { x[-3]; }, {"got -3"});
  expect_error("operator[]", [] { zeros({0, 3})[0]; }, {"got 0", "(0, 3)"});
  expect_error("operator[]", [] { tensor(1)[0]; }, {"no axis", "item()"});
  expect_error("operator[]", [] { Tensor()[0]; }, {"empty handle"});
}

TEST(Reading, ASliceIsRecorded) {
  const auto f = [](const Tensor& x) { return square(x[1]) * x[-1] + x[0]; };
  const Tensor x = tensor({{1, 2}, {3, 4}, {5, 6}}, float64);
  expect_values(gradient_of(f, x), {1, 1, 30, 48, 9, 16});
  EXPECT_TRUE(gradcheck(f, x).ok());
  EXPECT_TRUE(gradgradcheck(f, x).ok());
}

TEST_P(LayoutEdges, AnElementAsANumber) {
  const Tensor x = on(tensor({{1, 2, 3}, {4, 0.1, -inf}}, float64));
  EXPECT_EQ(x.at(0, 2), 3);
  EXPECT_EQ(x.at(-1, 0), 4);
  EXPECT_EQ(x.at(1, -1), -inf);
  EXPECT_EQ(x.at(std::size_t{1}, 1u), kind.dtype == float32 ? static_cast<double>(0.1f) : 0.1);
  EXPECT_EQ(on(tensor(2.5)).at(), 2.5);
}

TEST(Reading, AnElementThatIsNotThere) {
  const Tensor x = zeros({2, 3});
  expect_error("at", [&] { x.at(0); }, {"each axis", "(2, 3)", "got 1"});
  expect_error("at", [&] { x.at(0, 0, 0); }, {"got 3"});
  expect_error("at", [&] { x.at(0, 3); }, {"position 3", "axis 1", "(2, 3)"});
  expect_error("at", [&] { x.at(-3, 0); }, {"position -3", "axis 0"});
  expect_error("at", [] { zeros({0}).at(0); }, {"position 0", "(0,)"});
  expect_error("at", [] { Tensor().at(0); }, {"empty handle"});
}

}  // namespace
}  // namespace taper::test
