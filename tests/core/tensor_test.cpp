// Tensor: making one, looking at it, sharing its memory; shapes and their arithmetic; indices.
#include "support/helpers.hpp"
#include <taper/taper.hpp>

#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

TEST(Tensor, FromNestedLists) {
  const Tensor matrix = tensor({{1, 2, 3}, {4, 5, 6}}, float64);
  EXPECT_TRUE(matrix.shape() == (Shape{2, 3}));
  expect_values(matrix, {1, 2, 3, 4, 5, 6}, 0);
  EXPECT_EQ(tensor({1, 2}).dtype(), float32);
  EXPECT_TRUE(tensor({{{1}, {2}}}).shape() == (Shape{1, 2, 1}));
  EXPECT_EQ(tensor(3.5).rank(), 0);
  EXPECT_EQ(tensor(3.5).item(), 3.5);
  EXPECT_TRUE(tensor({{}, {}}).shape() == (Shape{2, 0}));
}

// Whether braces around one NestedList add an axis must not depend on the compiler.
TEST(Tensor, FromNestedListsInBraces) {
  const NestedList row{1, 2, 3}, one{7}, number = 5;
  EXPECT_TRUE(tensor(row).shape() == (Shape{3}));
  EXPECT_TRUE(tensor({row}).shape() == (Shape{1, 3}));
  EXPECT_TRUE(tensor({{row}}).shape() == (Shape{1, 1, 3}));
  EXPECT_TRUE(tensor({{{row}}}, float64).shape() == (Shape{1, 1, 1, 3}));
  EXPECT_TRUE(tensor({row, row}).shape() == (Shape{2, 3}));
  EXPECT_TRUE(tensor({{row}, {row}}).shape() == (Shape{2, 1, 3}));
  EXPECT_TRUE(tensor({row, {4, 5, 6}}).shape() == (Shape{2, 3}));
  expect_values(tensor({{4, 5, 6}, row}), {4, 5, 6, 1, 2, 3}, 0);
  EXPECT_TRUE(tensor({one}).shape() == (Shape{1, 1}));
  EXPECT_EQ(tensor(number).rank(), 0);
  EXPECT_TRUE(tensor({number}).shape() == (Shape{1}));
  EXPECT_TRUE(tensor({number, 2}).shape() == (Shape{2}));
  EXPECT_TRUE(tensor({{}}).shape() == (Shape{1, 0}));

  const NestedList copy{row}, same = {row}, moved = NestedList{row}, of_two{row, row}, in_two{{row}};
  for (const NestedList& list : {copy, same, moved}) {
    EXPECT_TRUE(tensor(list).shape() == (Shape{3}));
    EXPECT_TRUE(tensor({list}).shape() == (Shape{1, 3}));
  }
  EXPECT_TRUE(tensor(NestedList{row}).shape() == (Shape{3}));
  EXPECT_TRUE(tensor({NestedList{row}}).shape() == (Shape{1, 3}));
  EXPECT_TRUE(tensor({NestedList{1, 2}}).shape() == (Shape{1, 2}));
  EXPECT_TRUE(tensor(of_two).shape() == (Shape{2, 3}));
  EXPECT_TRUE(tensor({of_two}).shape() == (Shape{1, 2, 3}));
  EXPECT_TRUE(tensor(in_two).shape() == (Shape{1, 1, 3}));
  const std::vector<NestedList> rows{row};
  EXPECT_TRUE(tensor(rows[0]).shape() == (Shape{3}));
}

TEST(Tensor, RefusesRaggedLists) {
  expect_error("tensor", [] { tensor({{1, 2}, {3}}); }, {"ragged", "depth 1", "a list of 1", "one of 2"});
  expect_error("tensor", [] { tensor({{1, 2}, {3, 4, 5}}); }, {"ragged", "a list of 3"});
  expect_error("tensor", [] { tensor({{1, 2}, 3}); }, {"ragged", "depth 1", "a number", "lists"});
  expect_error("tensor", [] { tensor({1, {2, 3}}); }, {"ragged", "a list", "numbers"});
  expect_error("tensor", [] { tensor({{{1}, {2}}, {{3}, {4, 5}}}); }, {"ragged", "depth 2"});
}

TEST(Tensor, FromValuesAndAShape) {
  expect_values(tensor(std::vector<double>{1, 2, 3, 4}, {2, 2}), {1, 2, 3, 4}, 0);
  expect_error("tensor", [] { tensor(std::vector<double>{1, 2, 3}, {2, 2}); }, {"3 elements", "(2, 2)"});
}

TEST(Tensor, FilledAndCounted) {
  expect_values(zeros({2}), {0, 0}, 0);
  expect_values(ones({2, 1}), {1, 1}, 0);
  expect_values(full({3}, -2.5, float64), {-2.5, -2.5, -2.5}, 0);
  expect_values(arange(4), {0, 1, 2, 3}, 0);
  expect_values(arange(1, 2, 0.25, float64), {1, 1.25, 1.5, 1.75}, 0);
  expect_values(arange(1, 2.1, 0.5), {1, 1.5, 2}, 0);
  expect_values(arange(3, 0, -1), {3, 2, 1}, 0);
  EXPECT_EQ(arange(3, 0).size(), 0);
  EXPECT_EQ(scalar_like(2, zeros({3}, float64)).dtype(), float64);
  EXPECT_EQ(scalar_like(2, zeros({3})).rank(), 0);
}

TEST(Tensor, LikeAnother) {
  const Tensor like = zeros({2, 1}, float64), narrow = ones({3});
  expect_same(zeros_like(like), zeros({2, 1}, float64));
  expect_same(ones_like(like), ones({2, 1}, float64));
  expect_same(full_like(narrow, 2.5), full({3}, 2.5));
  for (const auto f : {zeros_like, ones_like})
    expect_error(f == zeros_like ? "zeros_like" : "ones_like", [f] { f(Tensor()); },
                 {"like is an empty handle"});
  expect_error("full_like", [] { full_like(Tensor(), 1); }, {"like is an empty handle"});
}

TEST(Tensor, EvenlySpaced) {
  expect_values(linspace(0, 1, 5), {0, 0.25, 0.5, 0.75, 1}, 0);
  expect_values(linspace(3, -1, 3, float64), {3, 1, -1}, 0);
  expect_values(linspace(2, 5, 1), {2}, 0);
  EXPECT_EQ(linspace(2, 5, 0).size(), 0);
  expect_values(linspace(-7, -7, 3), {-7, -7, -7}, 0);
  const Tensor tenths = linspace(0, 1, 11, float64);
  for (int i = 0; i <= 10; ++i) EXPECT_EQ(tenths.at(i), i / 10.0);
  const double largest = std::numeric_limits<double>::max();
  expect_values(linspace(-largest, largest, 3, float64), {-largest, 0, largest}, 0);
  EXPECT_EQ(linspace(0.1, 0.7, 1000, float64).at(-1), 0.7);
  expect_error("linspace", [] { linspace(0, 1, -1); }, {"count", "got -1"});
  expect_error("linspace", [=] { linspace(0, std::numeric_limits<double>::infinity(), 3); },
               {"finite", "stop inf"});
}

TEST(Tensor, IdentityMatrices) {
  expect_same(eye(2), tensor({{1, 0}, {0, 1}}));
  expect_same(eye(2, 3, float64), tensor({{1, 0, 0}, {0, 1, 0}}, float64));
  expect_same(eye(3, 1), tensor({{1}, {0}, {0}}));
  EXPECT_TRUE(eye(0).shape() == (Shape{0, 0}));
  EXPECT_TRUE(eye(2, 0).shape() == (Shape{2, 0}));
  expect_error("eye", [] { eye(-1); }, {"negative", "(-1, -1)"});
}

TEST(Tensor, RefusesShapesThatMakeNoSense) {
  constexpr std::int64_t large = std::int64_t{1} << 40;
  expect_error("zeros", [] { zeros({2, -1}); }, {"negative", "(2, -1)"});
  expect_error("zeros", [] { zeros({large, large}); }, {"1099511627776"});
  expect_error("zeros", [] { zeros({std::numeric_limits<std::int64_t>::max()}); }, {"too large"});
  EXPECT_EQ(zeros({large, 0, large}).size(), 0) << "no elements, however large the other extents";
  expect_error("arange", [] { arange(0, 1, 0); }, {"step 0"});
  expect_error("arange", [] { arange(0, std::numeric_limits<double>::infinity()); }, {"finite", "inf"});
  expect_error("arange", [] { arange(0, 1e300, 1e-300); }, {"arange"});
}

TEST(Tensor, OfEachRankFrom0To9) {
  Shape shape;
  for (int rank = 0; rank <= 9; ++rank) {
    if (rank > 0) {
      Shape longer = Shape::filled(rank, rank % 2 + 1);
      std::copy(shape.begin(), shape.end(), longer.begin());
      shape = longer;
    }
    const Tensor x = ones(shape, float64), y = x + reshape(x, shape);
    EXPECT_EQ(x.rank(), rank);
    EXPECT_TRUE(y.shape() == shape);
    EXPECT_EQ(sum(y).item(), 2.0 * static_cast<double>(x.size()));
    EXPECT_TRUE(Shape(shape) == shape);
  }
}

TEST(Tensor, AnswersQuestions) {
  const Tensor x = zeros({2, 3, 4});
  EXPECT_EQ(x.size(), 24);
  EXPECT_EQ(x.extent(0), 2);
  EXPECT_EQ(x.extent(-1), 4);
  expect_error("extent", [&] { x.extent(3); }, {"axis", "got 3", "(2, 3, 4)"});
  expect_error("extent", [&] { x.extent(-4); }, {"got -4"});
  EXPECT_EQ(tensor({{1, 2}, {3, 4}}).to_vector(), (std::vector<double>{1, 2, 3, 4}));
  expect_error("item", [] { tensor({1, 2}).item(); }, {"exactly one", "(2,)"});
  expect_error("item", [] { zeros({0}).item(); }, {"(0,)"});
  EXPECT_EQ(tensor({{{7}}}).item(), 7);
}

TEST(Tensor, GivesItsElementsAsTheirTypeOnly) {
  Tensor x = tensor({1, 2});
  EXPECT_EQ(x.data<float>()[1], 2.0f);
  expect_error("data", [&] { x.data<double>(); }, {"float64", "float32"});
  expect_error("data", [&] { x.mutable_data<double>(); }, {"float64", "float32"});
  expect_error("data", [] { zeros({1}, float64).data<float>(); }, {"float32", "float64"});
}

TEST(Tensor, CopiesShareAndClonesDoNot) {
  Tensor x = tensor({1, 2}, float64);
  const Tensor copy = x, clone = x.clone(), detached = x.detach(), viewed = x.view({2, 1});
  x.mutable_data<double>()[0] = 9;
  EXPECT_EQ(copy.data<double>()[0], 9);
  EXPECT_EQ(detached.data<double>()[0], 9);
  EXPECT_EQ(viewed.data<double>()[0], 9);
  EXPECT_EQ(clone.data<double>()[0], 1);
  EXPECT_TRUE(viewed.shape() == (Shape{2, 1}));
  expect_error("view", [&] { x.view({3}); }, {"(3,)", "(2,)"});
}

TEST(Tensor, ASharedBufferOutlivesItsMaker) {
  Tensor view;
  {
    const Tensor x = tensor({1, 2, 3, 4}, float64);
    view = x.view({2, 2}).detach().view({4, 1});
  }
  expect_values(view, {1, 2, 3, 4}, 0);
}

TEST(Tensor, KnowsWhetherItIsAlone) {
  Tensor x = zeros({2});
  EXPECT_TRUE(x.is_sole_owner());
  {
    const Tensor copy = x;
    EXPECT_FALSE(x.is_sole_owner());
  }
  EXPECT_TRUE(x.is_sole_owner());
  const Tensor view = x.view({1, 2});
  EXPECT_FALSE(x.is_sole_owner());
  EXPECT_FALSE(view.is_sole_owner());
}

TEST(Tensor, AssignmentAndSelfAssignment) {
  Tensor x = tensor({1, 2}), y = tensor({3});
  const Tensor& same = x;
  x = same;
  expect_values(x, {1, 2}, 0);
  y = std::move(x);
  expect_values(y, {1, 2}, 0);
}

TEST(Shape, KeepsAnyNumberOfExtents) {
  for (int count = 0; count <= 20; ++count) {
    Shape shape = Shape::filled(count, 3);
    for (int i = 0; i < count; ++i) shape[i] = i;
    const Shape copy = shape;
    Shape assigned{1, 2};
    assigned = copy;
    const Shape& same = assigned;
    assigned = same;
    Shape moved = std::move(shape);
    EXPECT_TRUE(copy == assigned);
    EXPECT_TRUE(copy == moved);
    EXPECT_EQ(copy.size(), count);
    EXPECT_EQ(copy.empty(), count == 0);
    for (int i = 0; i < count; ++i) EXPECT_EQ(assigned[i], i);
    assigned = Shape{5};
    EXPECT_TRUE(assigned == Shape{5});
    EXPECT_FALSE(assigned == moved);
  }
}

TEST(Shape, TakesIntegersOfEveryType) {
  const std::vector<double> values(6);
  const std::size_t n = values.size() / 2;
  const unsigned two = 2;
  const short three = 3;
  EXPECT_EQ((Shape{n, two}), (Shape{3, 2}));
  EXPECT_EQ(zeros({n, 2}).shape(), (Shape{3, 2}));
  EXPECT_EQ(reshape(tensor(values), {-1, three}).shape(), (Shape{2, 3}));
  EXPECT_EQ(sum(ones({2, n, two}), {n - 2, two}).shape(), Shape{2});
  const std::size_t most = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(Shape{most}[0], std::numeric_limits<std::int64_t>::max());
  expect_error("Shape", [&] { Shape{1, most + 1}; }, {"9223372036854775808"});
  expect_error("Shape", [] { zeros({std::size_t{0} - 1, 2}); }, {"18446744073709551615"});
}

TEST(Shape, PrintsAsNumPyDoes) {
  EXPECT_EQ(printed(Shape{}), "()");
  EXPECT_EQ(printed(Shape{4}), "(4,)");
  EXPECT_EQ(printed(Shape{2, 3, 5}), "(2, 3, 5)");
  EXPECT_EQ(printed(float32), "float32");
  EXPECT_EQ(printed(float64), "float64");
}

TEST(Shape, Broadcasts) {
  const auto both = [](const Shape& a, const Shape& b, const Shape& expected) {
    EXPECT_TRUE(broadcast_shapes("test", a, b) == expected) << a << b;
    EXPECT_TRUE(broadcast_shapes("test", b, a) == expected) << b << a;
  };
  both({}, {}, {});
  both({}, {2, 3}, {2, 3});
  both({3, 1}, {4}, {3, 4});
  both({2, 1, 4}, {1, 3, 1}, {2, 3, 4});
  both({1}, {0}, {0});
  both({0, 1}, {1, 5}, {0, 5});
  expect_error("test", [] { broadcast_shapes("test", {2, 3}, {2}); }, {"(2, 3)", "(2,)"});
  expect_error("test", [] { broadcast_shapes("test", {0}, {2}); }, {"(0,)", "(2,)"});
}

TEST(Shape, CountsAndChecks) {
  EXPECT_EQ(element_count("test", {}), 1);
  EXPECT_EQ(element_count("test", {2, 0, 3}), 0);
  EXPECT_EQ(element_count("test", {2, 3}), 6);
  expect_error("test", [] { element_count("test", {0, -1}); }, {"negative", "(0, -1)"});
  EXPECT_EQ(checked_axis("test", "axis", -1, {2, 3}), 1);
  EXPECT_EQ(checked_axis("test", "axis", 0, {2}), 0);
  expect_error("test", [] { checked_axis("test", "depth", 2, {2, 3}); }, {"depth", "got 2", "2 axes"});
  expect_error("test", [] { checked_axis("test", "axis", 1, {2}); }, {"1 axis"});
  EXPECT_TRUE(Axes().reduced("test", {2, 3}) == (Shape{1, 1}));
  EXPECT_TRUE(Axes({0, -1}).reduced("test", {2, 3, 4}) == (Shape{1, 0, 1}));
  EXPECT_TRUE(Axes(-2).reduced("test", {2, 3}) == (Shape{1, 0}));
}

TEST(Indices, KeepTheirShape) {
  EXPECT_TRUE(Indices({4, 5, 6}).shape() == Shape{3});
  EXPECT_EQ(Indices({4, 5, 6})[2], 6);
  const Indices matrix({1, 2, 3, 4}, {2, 2}), copy = matrix;
  EXPECT_EQ(copy.size(), 4);
  EXPECT_TRUE(copy.shape() == (Shape{2, 2}));
  expect_error("Indices", [] { Indices({1, 2, 3}, {2, 2}); }, {"3 elements", "(2, 2)"});
}

TEST(Indices, TakeIntegersOfEveryType) {
  const auto expect_three = [](const Indices& indices) {
    EXPECT_EQ(indices.shape(), Shape{3});
    for (std::int64_t i = 0; i < 3; ++i) EXPECT_EQ(indices[i], i % 2);
  };
  expect_three(std::vector<int>{0, 1, 0});
  expect_three(std::vector<std::size_t>{0, 1, 0});
  expect_three(std::vector<unsigned char>{0, 1, 0});
  expect_three(std::vector<bool>{false, true, false});
  const std::size_t one = 1;
  expect_three({0, one, 0u});
  EXPECT_EQ(Indices(std::vector<short>{-1, 2}, {2, 1})[0], -1);
  expect_error("Indices", [] { Indices(std::vector<int>{1, 2}, {3}); }, {"2 elements"});
  expect_error("Shape",
               [] {
                 Indices(std::vector<std::uint64_t>{0, ~std::uint64_t{0}});
               },
               {"index", "18446744073709551615"});
  // As labels, without a conversion by hand.
  EXPECT_EQ(nn::accuracy(tensor({{0, 1}, {1, 0}}), std::vector<int>{1, 0}), 1);
  EXPECT_EQ(nn::Dataset(ones({2, 1}), std::vector<int>{4, 5}).y[1], 5);
}

TEST(Indices, AsOnesAndZeros) {
  expect_same(one_hot({2, 0}, 3), tensor({{0, 0, 1}, {1, 0, 0}}));
  expect_same(one_hot(Indices({1, 0, 1, 1}, {2, 2}), 2, float64),
              tensor({{{0, 1}, {1, 0}}, {{0, 1}, {0, 1}}}, float64));
  expect_same(one_hot(Indices({1}, {}), 2), tensor({0, 1}));
  EXPECT_TRUE(one_hot(std::vector<std::int64_t>(), 4).shape() == (Shape{0, 4}));
  expect_error("one_hot", [] { one_hot({0, 3}, 3); }, {"indices has 3", "0 to 2", "count is 3"});
  expect_error("one_hot", [] { one_hot({-1}, 3); }, {"indices has -1"});
  expect_error("one_hot", [] { one_hot({0}, 0); }, {"indices has 0", "count is 0"});
  expect_error("one_hot", [] { one_hot({0}, -1); }, {"count", "got -1"});
}

}  // namespace
}  // namespace taper::test
