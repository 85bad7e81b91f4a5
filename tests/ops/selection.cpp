// Rows of the registry: ops that pick elements.
#include "ops/registry.hpp"
#include <taper/taper.hpp>

#include <algorithm>

namespace taper::test {
namespace {

OpRow gather_row() {
  OpRow op_row{"gather", {}};
  const auto add_variant = [&](const char* name, const Shape& from, const Indices& indices, int axis) {
    const int a = axis < 0 ? axis + from.size() : axis;
    const int picked = indices.shape().size();
    const auto reference = [=](const std::vector<Array>& in) {
      Shape shape = Shape::filled(from.size() - 1 + picked, 0);
      for (int i = 0; i < shape.size(); ++i) {
        shape[i] = i < a ? from[i] : i < a + picked ? indices.shape()[i - a] : from[i - picked + 1];
      }
      return build(shape, [&](const Index& index) {
        std::int64_t flat = 0;
        for (int i = 0; i < picked; ++i) {
          flat = flat * indices.shape()[i] + index[static_cast<std::size_t>(a + i)];
        }
        Index source(index.begin(), index.begin() + a);
        source.push_back(indices[flat] < 0 ? indices[flat] + from[a] : indices[flat]);
        source.insert(source.end(), index.begin() + a + picked, index.end());
        return at(in[0], source);
      });
    };
    op_row.variants.push_back({name,
                               [=](const Tensors& x) { return gather(x[0], indices, axis); },
                               reference,
                               {{from, between(-2, 2)}}});
  };
  add_variant("of a vector", {4}, {3, 0}, 0);
  add_variant("repeated and negative", {4, 2}, {1, -1, 1, 3, 1}, 0);
  add_variant("embedding", {4, 3}, Indices({0, 3, 3, -2, 1, 0}, {2, 3}), 0);
  add_variant("middle axis", {2, 3, 2}, Indices({2, 2, 0, -3}, {2, 2}), 1);
  add_variant("last axis", {2, 3}, {2, 2, -1, 0}, -1);
  add_variant("one index, which removes the axis", {3, 2}, Indices({1}, {}), 0);
  add_variant("of rank 7", {2, 1, 2, 3, 1, 2, 1}, {1, 1, -3}, 3);
  add_variant("no index", {3, 2}, Indices(std::vector<std::int64_t>{}), 0);
  add_variant("no elements", {3, 0}, {2, 2}, 0);
  op_row.errors = {
      {"an index too large",
       [] {
         gather(zeros({3, 2}), {0, 3});
       },
       {"indices", "3", "axis 0", "(3, 2)"}},
      {"an index too negative",
       [] {
         gather(zeros({3, 2}), {-3}, 1);
       },
       {"indices", "-3", "axis 1", "(3, 2)"}},
      {"an axis out of range",
       [] {
         gather(zeros({3, 2}), {0}, 2);
       },
       {"axis", "got 2", "(3, 2)"}},
      {"rank 0", [] { gather(zeros({}), {0}); }, {"axis", "()"}},
      {"an index into nothing",
       [] {
         gather(zeros({0, 2}), {0});
       },
       {"indices", "0", "(0, 2)"}},
  };
  return op_row;
}

OpRow slice_row() {
  OpRow op_row{"slice", {}};
  const auto add_variant = [&](const char* name, const Shape& from, int axis, std::int64_t start,
                               std::int64_t stop, std::int64_t step) {
    const auto reference = [=](const std::vector<Array>& in) {
      const int a = axis < 0 ? axis + from.size() : axis;
      std::vector<std::int64_t> positions;
      const std::int64_t end = stop < 0 ? stop + from[a] : stop;
      for (std::int64_t i = start < 0 ? start + from[a] : start; i < end; i += step) positions.push_back(i);
      Shape shape = from;
      shape[a] = static_cast<std::int64_t>(positions.size());
      return build(shape, [&](const Index& index) {
        Index source = index;
        std::int64_t& position = source[static_cast<std::size_t>(a)];
        position = positions[static_cast<std::size_t>(position)];
        return at(in[0], source);
      });
    };
    op_row.variants.push_back({name,
                               [=](const Tensors& x) { return slice(x[0], axis, start, stop, step); },
                               reference,
                               {{from, between(-2, 2)}}});
  };
  add_variant("of a vector", {5}, 0, 1, 4, 1);
  add_variant("first axis", {5, 2}, 0, 0, 2, 1);
  add_variant("middle axis with a step", {2, 7, 3}, 1, 1, 7, 3);
  add_variant("last axis, a step that does not divide", {2, 6}, -1, 0, 6, 4);
  add_variant("counted from the end", {2, 6}, 1, -5, -1, 2);
  add_variant("a step beyond the end", {2, 3}, 1, 1, 3, 10);
  add_variant("everything", {2, 3}, 0, 0, 2, 1);
  add_variant("nothing", {2, 3}, 1, 2, 1, 1);
  add_variant("nothing at the end", {2, 3}, 1, 3, 3, 1);
  add_variant("of no elements", {0, 3}, 1, 0, 2, 1);
  add_variant("of rank 8", {1, 2, 1, 5, 1, 2, 1, 2}, 3, 0, 5, 2);
  op_row.errors = {
      {"an axis out of range",
       [] {
         slice(zeros({2, 3}), 2, 0, 1);
       },
       {"axis", "got 2", "(2, 3)"}},
      {"start out of range",
       [] {
         slice(zeros({2, 3}), 1, 4, 5);
       },
       {"start", "got 4", "axis 1", "(2, 3)"}},
      {"stop out of range",
       [] {
         slice(zeros({2, 3}), 1, 0, -4);
       },
       {"stop", "got -4", "(2, 3)"}},
      {"step 0",
       [] {
         slice(zeros({2, 3}), 1, 0, 2, 0);
       },
       {"step", "at least 1", "got 0"}},
      {"a negative step",
       [] {
         slice(zeros({2, 3}), 1, 0, 2, -1);
       },
       {"step", "got -1"}},
      {"rank 0", [] { slice(zeros({}), 0, 0, 0); }, {"axis", "()"}},
  };
  return op_row;
}

// The condition is no input here: it has no derivative, and differences would cross from 0 to elsewhere.
OpRow where_row() {
  OpRow op_row{"where", {}};
  const auto add_variant = [&](const char* name, const Tensor& condition, const Shape& a, const Shape& b) {
    const auto reference = [c = array_of(condition)](const std::vector<Array>& in) {
      return build(common_shape({c, in[0], in[1]}), [&](const Index& i) {
        return at_broadcast(c, i) != 0 ? at_broadcast(in[0], i) : at_broadcast(in[1], i);
      });
    };
    op_row.variants.push_back(
        {name,
         [=](const Tensors& x) { return where(on_the_device_of(x, condition), x[0], x[1]); },
         reference,
         {{a, between(-2, 2)}, {b, between(-2, 2)}}});
  };
  add_variant("same shape", tensor({{1, 0, -2}, {0, 0.5, 0}}, float64), {2, 3}, {2, 3});
  add_variant("a float32 condition", tensor({{1, 0, 1e-30}, {0, 1, 0}}), {2, 3}, {2, 3});
  add_variant("a row of conditions", tensor({1, 0, 1}, float64), {2, 3}, {2, 3});
  add_variant("conditions of the larger shape", tensor({{1, 0, 1}, {0, 0, 1}}, float64), {3}, {2, 1});
  add_variant("scalars", tensor({{1, 0}, {0, 0}}, float64), {}, {});
  add_variant("all of rank 0", tensor(1, float64), {}, {});
  add_variant("column and row", tensor({1, 0, 1, 0}, float64), {3, 1}, {4});
  add_variant("rank 7", tensor({{{{{{{1, 0}}}}}}}, float64), {2, 1, 2, 1, 2, 1, 1}, {1, 2, 1, 2, 1, 1, 2});
  add_variant("no elements", zeros({0, 1}, float64), {3}, {0, 3});
  const Tensor condition = ones({2, 3});
  op_row.errors = {
      {"dtypes that differ",
       [=] {
         where(condition, zeros({2, 3}), zeros({3}, float64));
       },
       {"a is float32 (2, 3)", "b is float64 (3,)"}},
      {"shapes that do not broadcast",
       [=] {
         where(condition, zeros({2, 3}), zeros({4}));
       },
       {"(2, 3)", "(4,)"}},
      {"a condition that does not broadcast",
       [=] { where(condition, zeros({4}), zeros({4})); },
       {"(2, 3)", "(4,)"}},
  };
  return op_row;
}

}  // namespace

std::vector<OpRow> selection_ops() { return {gather_row(), slice_row(), where_row()}; }

}  // namespace taper::test
