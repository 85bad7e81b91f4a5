// Rows of the registry: ops that put all elements elsewhere.
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

std::vector<OpRow> layout_ops() { return {broadcast_to_row(), concat_row(), reshape_row(), transpose_row()}; }

}  // namespace taper::test
