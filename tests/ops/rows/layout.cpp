// Rows of the registry: ops that put elements elsewhere.
#include "ops/registry.hpp"
#include <taper/taper.hpp>

#include <algorithm>

namespace taper::test {
namespace {

OpRow broadcast_to_row() {
  OpRow op_row{"broadcast_to", {}};
  const auto add_variant = [&](const char* name, const Shape& from, const Shape& to) {
    op_row.variants.push_back({name,
                               [to](const Tensors& x) { return broadcast_to(x[0], to); },
                               [to](const std::vector<Array>& in) {
                                 return build(to, [&](const Index& i) { return at_broadcast(in[0], i); });
                               },
                               {{from, between(-2, 2)}}});
  };
  add_variant("its own shape", {2, 3}, {2, 3});
  add_variant("rank 0", {}, {2, 3});
  add_variant("rank 0 to rank 0", {}, {});
  add_variant("leading axis", {3}, {2, 3});
  add_variant("last axis", {2, 1}, {2, 3});
  add_variant("middle axis", {2, 1, 3}, {2, 4, 3});
  add_variant("rank 7", {2, 1, 1, 2, 1}, {3, 1, 2, 2, 1, 2, 2});
  add_variant("to no elements", {1, 3}, {0, 3});
  add_variant("from no elements", {0}, {2, 0});
  op_row.errors = {
      {"another extent",
       [] {
         broadcast_to(zeros({2, 3}), {2, 4});
       },
       {"(2, 3)", "(2, 4)"}},
      {"a lower rank",
       [] {
         broadcast_to(zeros({2, 3}), {3});
       },
       {"x of shape (2, 3)", "to (3,)"}},
      {"an extent that would shrink",
       [] {
         broadcast_to(zeros({2, 3}), {1, 3});
       },
       {"(2, 3)", "(1, 3)"}},
      {"a negative extent", [] { broadcast_to(zeros({1}), {-2}); }, {"(-2,)"}},
  };
  return op_row;
}

OpRow concat_row() {
  OpRow op_row{.op = "concat", .arguments = {"tensors[]"}};
  const auto add_variant = [&](const char* name, const std::vector<Shape>& shapes, int axis) {
    Variant variant{name, [axis](const Tensors& x) { return concat(x, axis); }, {}, {}};
    const int joined = axis < 0 ? axis + shapes[0].size() : axis;
    variant.reference = [joined](const std::vector<Array>& in) {
      Shape shape = in[0].shape;
      shape[joined] = 0;
      for (const Array& part : in) shape[joined] += part.shape[joined];
      return build(shape, [&](const Index& index) {
        Index own = index;
        std::int64_t& position = own[static_cast<std::size_t>(joined)];
        std::size_t part = 0;
        while (position >= in[part].shape[joined]) position -= in[part++].shape[joined];
        return at(in[part], own);
      });
    };
    for (const Shape& shape : shapes) variant.inputs.push_back({shape, between(-2, 2)});
    op_row.variants.push_back(variant);
  };
  add_variant("vectors", {{2}, {3}}, 0);
  add_variant("one tensor alone", {{2, 3}}, 1);
  add_variant("first axis", {{1, 3}, {2, 3}, {1, 3}}, 0);
  add_variant("middle axis", {{2, 1, 3}, {2, 2, 3}}, 1);
  add_variant("last axis", {{2, 1, 3}, {2, 1, 1}, {2, 1, 2}}, -1);
  add_variant("a part without elements", {{2, 2}, {2, 0}, {2, 1}}, 1);
  add_variant("no elements at all", {{0, 2}, {0, 1}}, 1);
  add_variant("rank 8", {{1, 2, 1, 2, 1, 2, 1, 1}, {1, 2, 1, 1, 1, 2, 1, 1}}, 3);
  op_row.errors = {
      {"no tensor", [] { concat({}); }, {"tensors", "at least one"}},
      {"an axis out of range",
       [] {
         concat({zeros({2}), zeros({2})}, 1);
       },
       {"axis", "got 1", "(2,)"}},
      {"rank 0",
       [] {
         concat({zeros({}), zeros({})});
       },
       {"axis", "()"}},
      {"other extents that differ",
       [] {
         concat({zeros({2, 3}), zeros({2, 3}), zeros({2, 4})});
       },
       {"tensors[2]", "(2, 4)", "(2, 3)", "axis 0"}},
      {"ranks that differ",
       [] {
         concat({zeros({2, 3}), zeros({3})});
       },
       {"tensors[1]", "(3,)", "(2, 3)"}},
  };
  return op_row;
}

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

OpRow reshape_row() {
  OpRow op_row{"reshape", {}};
  const auto add_variant = [&](const char* name, const Shape& from, const Shape& to, const Shape& result) {
    op_row.variants.push_back({name,
                               [to](const Tensors& x) { return reshape(x[0], to); },
                               [result](const std::vector<Array>& in) {
                                 return Array{result, in[0].values};
                               },
                               {{from, between(-2, 2)}}});
  };
  add_variant("another rank", {2, 6}, {3, 2, 2}, {3, 2, 2});
  add_variant("its own shape", {2, 3}, {2, 3}, {2, 3});
  add_variant("an open extent", {2, 6}, {4, -1}, {4, 3});
  add_variant("flat", {2, 3, 2}, {-1}, {12});
  add_variant("to rank 0", {1, 1}, {}, {});
  add_variant("from rank 0", {}, {1, -1, 1}, {1, 1, 1});
  add_variant("to rank 9", {4, 3}, {1, 2, 1, 2, 1, 3, 1, 1, 1}, {1, 2, 1, 2, 1, 3, 1, 1, 1});
  add_variant("no elements", {0, 3}, {2, 0, 5}, {2, 0, 5});
  add_variant("no elements, an open extent", {0, 3}, {-1, 3}, {0, 3});
  op_row.errors = {
      {"another number of elements",
       [] {
         reshape(zeros({2, 3}), {4, 2});
       },
       {"(2, 3)", "(4, 2)"}},
      {"two open extents",
       [] {
         reshape(zeros({2, 3}), {-1, -1});
       },
       {"more than one -1", "(-1, -1)"}},
      {"an open extent that does not divide",
       [] {
         reshape(zeros({2, 3}), {4, -1});
       },
       {"(2, 3)", "(4, -1)"}},
      {"an open extent beside 0",
       [] {
         reshape(zeros({0, 3}), {0, -1});
       },
       {"-1", "(0, 3)", "(0, -1)"}},
      {"a negative extent",
       [] {
         reshape(zeros({2, 3}), {-2, -3});
       },
       {"negative", "(-2, -3)"}},
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

OpRow transpose_row() {
  OpRow op_row{"transpose", {}};
  const auto add_variant = [&](const char* name, const Shape& shape, int axis0, int axis1) {
    op_row.variants.push_back({name,
                               [=](const Tensors& x) { return transpose(x[0], axis0, axis1); },
                               [=](const std::vector<Array>& in) {
                                 const int a = axis0 < 0 ? axis0 + shape.size() : axis0;
                                 const int b = axis1 < 0 ? axis1 + shape.size() : axis1;
                                 Shape swapped = shape;
                                 std::swap(swapped[a], swapped[b]);
                                 return build(swapped, [&](const Index& index) {
                                   Index from = index;
                                   std::swap(from[static_cast<std::size_t>(a)],
                                             from[static_cast<std::size_t>(b)]);
                                   return at(in[0], from);
                                 });
                               },
                               {{shape, between(-2, 2)}}});
  };
  add_variant("matrix", {2, 3}, 0, 1);
  add_variant("larger than a tile", {18, 35}, 0, 1);  // tiles are 16 x 16
  add_variant("last two", {2, 3, 4}, -2, -1);
  add_variant("first two", {2, 3, 4}, 1, 0);
  add_variant("outer two", {2, 3, 4}, 0, 2);
  add_variant("two of rank 5", {2, 3, 2, 4, 2}, 1, 3);
  add_variant("two of rank 8", {1, 2, 1, 3, 1, 2, 1, 2}, 1, -1);
  add_variant("an axis with itself", {2, 3}, 1, -1);
  add_variant("a vector with itself", {3}, 0, 0);
  add_variant("no elements", {0, 3}, 0, 1);
  op_row.errors = {
      {"axis0 out of range",
       [] {
         transpose(zeros({2, 3}), 2, 1);
       },
       {"axis0", "got 2", "(2, 3)"}},
      {"axis1 out of range",
       [] {
         transpose(zeros({2, 3}), 0, -3);
       },
       {"axis1", "got -3", "(2, 3)"}},
      {"rank 0", [] { transpose(zeros({}), 0, 0); }, {"axis0", "()"}},
  };
  return op_row;
}

}  // namespace

std::vector<OpRow> layout_ops() {
  return {broadcast_to_row(), concat_row(), gather_row(), reshape_row(), slice_row(), transpose_row()};
}

}  // namespace taper::test
