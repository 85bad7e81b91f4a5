// Rows of the registry: axes put in and taken away, tensors put together and cut.
#include "ops/registry.hpp"
#include <taper/taper.hpp>

#include <algorithm>

namespace taper::test {
namespace {

// Adds a variant of an op that keeps the elements in their order.
template <class F>
void add_view(OpRow& op_row, const char* name, const Shape& from, const Shape& to, F f) {
  op_row.variants.push_back({name,
                             [f](const Tensors& x) { return f(x[0]); },
                             [to](const std::vector<Array>& in) {
                               return Array{to, in[0].values};
                             },
                             {{from, between(-2, 2)}}});
}

OpRow squeeze_row() {
  OpRow op_row{"squeeze"};
  const auto all = [](const Tensor& x) { return squeeze(x); };
  const auto given = [](const Axes& axes) { return [axes](const Tensor& x) { return squeeze(x, axes); }; };
  add_view(op_row, "all axes of extent 1", {1, 2, 1, 3, 1}, {2, 3}, all);
  add_view(op_row, "none", {2, 3}, {2, 3}, all);
  add_view(op_row, "to rank 0", {1, 1}, {}, all);
  add_view(op_row, "of rank 0", {}, {}, all);
  add_view(op_row, "one axis", {1, 2, 1}, {1, 2}, given(2));
  add_view(op_row, "a negative axis", {2, 1, 3}, {2, 3}, given(-2));
  add_view(op_row, "several axes", {1, 2, 1, 1}, {2, 1}, given({0, -1}));
  add_view(op_row, "no elements", {1, 0, 1}, {0}, all);
  add_view(op_row, "rank 8", {2, 1, 1, 2, 1, 1, 2, 1}, {2, 1, 2, 1, 2, 1}, given({1, 4}));
  op_row.errors = {
      {"an axis of another extent",
       [] {
         squeeze(zeros({2, 1, 3}), {1, -1});
       },
       {"axis 2", "(2, 1, 3)", "has extent 3", "wanted 1"}},
      {"an axis out of range", [] { squeeze(zeros({1}), 1); }, {"axis", "got 1", "(1,)"}},
      {"an axis twice",
       [] {
         squeeze(zeros({1, 1}), {0, -2});
       },
       {"twice", "-2", "(1, 1)"}},
      {"an axis of rank 0", [] { squeeze(zeros({}), 0); }, {"axis", "()"}},
  };
  return op_row;
}

OpRow unsqueeze_row() {
  OpRow op_row{.op = "unsqueeze", .header = "squeeze"};
  const auto at = [](int axis) { return [axis](const Tensor& x) { return unsqueeze(x, axis); }; };
  add_view(op_row, "first", {2, 3}, {1, 2, 3}, at(0));
  add_view(op_row, "middle", {2, 3}, {2, 1, 3}, at(1));
  add_view(op_row, "last", {2, 3}, {2, 3, 1}, at(2));
  add_view(op_row, "last, from the end", {2, 3}, {2, 3, 1}, at(-1));
  add_view(op_row, "first, from the end", {2, 3}, {1, 2, 3}, at(-3));
  add_view(op_row, "rank 0", {}, {1}, at(0));
  add_view(op_row, "no elements", {0, 2}, {0, 1, 2}, at(1));
  add_view(op_row, "rank 6", {2, 1, 2, 1, 2, 1}, {2, 1, 2, 1, 1, 2, 1}, at(3));
  op_row.errors = {
      {"an axis too large",
       [] {
         unsqueeze(zeros({2, 3}), 3);
       },
       {"axis", "got 3", "rank 3", "(2, 3)"}},
      {"an axis too negative",
       [] {
         unsqueeze(zeros({2, 3}), -4);
       },
       {"axis", "got -4", "(2, 3)"}},
  };
  return op_row;
}

OpRow flatten_row() {
  OpRow op_row{"flatten"};
  const auto from_to = [](int first, int last) {
    return [=](const Tensor& x) { return flatten(x, first, last); };
  };
  add_view(op_row, "everything", {2, 3, 2}, {12}, [](const Tensor& x) { return flatten(x); });
  add_view(op_row, "from an axis on", {2, 3, 2}, {2, 6}, [](const Tensor& x) { return flatten(x, 1); });
  add_view(op_row, "up to an axis", {2, 3, 2}, {6, 2}, from_to(0, 1));
  add_view(op_row, "in the middle", {2, 3, 2, 2}, {2, 6, 2}, from_to(-3, -2));
  add_view(op_row, "one axis", {2, 3}, {2, 3}, from_to(1, 1));
  add_view(op_row, "rank 0", {}, {1}, from_to(0, -1));
  add_view(op_row, "no elements", {2, 0, 3}, {2, 0}, from_to(1, 2));
  add_view(op_row, "rank 8", {1, 2, 1, 2, 1, 2, 1, 1}, {1, 2, 4, 1, 1}, from_to(2, 5));
  op_row.errors = {
      {"an end before the beginning",
       [] {
         flatten(zeros({2, 3, 4}), 2, 1);
       },
       {"first_axis 2", "last_axis 1", "(2, 3, 4)"}},
      {"first_axis out of range",
       [] {
         flatten(zeros({2, 3}), 2);
       },
       {"first_axis", "got 2", "(2, 3)"}},
      {"last_axis out of range", [] { flatten(zeros({}), 0, 1); }, {"last_axis", "got 1"}},
  };
  return op_row;
}

OpRow stack_row() {
  OpRow op_row{.op = "stack", .arguments = {"tensors[]"}};
  const auto add = [&](const char* name, const Shape& each, std::size_t count, int axis) {
    const int a = axis < 0 ? axis + each.size() + 1 : axis;
    Variant variant{name, [axis](const Tensors& x) { return stack(x, axis); }, {}, {}};
    variant.reference = [=](const std::vector<Array>& in) {
      Shape shape = Shape::filled(each.size() + 1, static_cast<std::int64_t>(count));
      std::copy_n(each.begin(), a, shape.begin());
      std::copy(each.begin() + a, each.end(), shape.begin() + a + 1);
      return build(shape, [&](const Index& index) {
        Index own = index;
        own.erase(own.begin() + a);
        return at(in[static_cast<std::size_t>(index[static_cast<std::size_t>(a)])], own);
      });
    };
    variant.inputs.assign(count, {each, between(-2, 2)});
    op_row.variants.push_back(variant);
  };
  add("scalars", {}, 3, 0);
  add("one tensor alone", {2, 3}, 1, 1);
  add("first axis", {2, 3}, 3, 0);
  add("middle axis", {2, 3}, 2, 1);
  add("last axis", {2, 3}, 2, 2);
  add("last axis, from the end", {3}, 4, -1);
  add("first axis, from the end", {3}, 2, -2);
  add("no elements", {0, 2}, 2, 1);
  add("rank 7", {1, 2, 1, 2, 1, 1, 2}, 2, 4);
  op_row.errors = {
      {"no tensor", [] { stack({}); }, {"tensors", "at least one"}},
      {"an axis out of range",
       [] {
         stack({zeros({2}), zeros({2})}, 2);
       },
       {"axis", "got 2", "rank 2", "(2,)"}},
      {"shapes that differ",
       [] {
         stack({zeros({2, 3}), zeros({2, 3}), zeros({3, 2})});
       },
       {"tensors[2]", "(3, 2)", "(2, 3)", "all the same"}},
  };
  return op_row;
}

// The parts in reverse order, each of them weighted otherwise.
OpRow split_row() {
  OpRow op_row{"split"};
  const auto add = [&](const char* name, const Shape& from, const std::vector<std::int64_t>& sizes, int axis,
                       auto split_x) {
    const int a = axis < 0 ? axis + from.size() : axis;
    const auto joined = [=](const Tensor& x) {
      std::vector<Tensor> parts = split_x(x);
      for (std::size_t i = 0; i < parts.size(); ++i) parts[i] = parts[i] * (1.0 + static_cast<double>(i));
      std::reverse(parts.begin(), parts.end());
      return concat(parts, axis);
    };
    op_row.variants.push_back(by_element(name, from, from, joined, [=](const Array& x, const Index& index) {
      std::int64_t start = from[a], position = index[static_cast<std::size_t>(a)];
      for (std::size_t i = sizes.size(); i-- > 0;) {
        start -= sizes[i];
        if (position < sizes[i]) {
          Index source = index;
          source[static_cast<std::size_t>(a)] = start + position;
          return (1.0 + static_cast<double>(i)) * at(x, source);
        }
        position -= sizes[i];
      }
      return 0.0;
    }));
  };
  const auto by_sizes = [&](const char* name, const Shape& from, const std::vector<std::int64_t>& sizes,
                            int axis) {
    add(name, from, sizes, axis, [=](const Tensor& x) { return split(x, sizes, axis); });
  };
  const auto by_number = [&](const char* name, const Shape& from, std::int64_t parts, int axis) {
    const std::int64_t size = from[axis < 0 ? axis + from.size() : axis] / parts;
    add(name, from, std::vector<std::int64_t>(static_cast<std::size_t>(parts), size), axis,
        [=](const Tensor& x) { return split(x, parts, axis); });
  };
  by_sizes("a vector by sizes", {5}, {2, 3}, 0);
  by_sizes("the last axis by sizes, one of them 0", {2, 5}, {1, 0, 4}, -1);
  by_sizes("the middle axis by sizes", {2, 3, 2}, {1, 1, 1}, 1);
  by_sizes("one part", {2, 3}, {3}, 1);
  by_number("in equal parts", {6, 2}, 3, 0);
  by_number("the last axis in equal parts", {2, 2, 4}, 2, -1);
  by_number("no elements in equal parts", {0, 2}, 2, 0);
  by_number("rank 8", {1, 2, 1, 4, 1, 2, 1, 1}, 2, 3);
  op_row.errors = {
      {"sizes that leave something over",
       [] {
         split(zeros({2, 6}), {2, 3}, 1);
       },
       {"sizes add up to 5", "axis 1", "(2, 6)", "extent 6"}},
      {"sizes that are too large",
       [] {
         split(zeros({2, 6}), {2, 5}, -1);
       },
       {"sizes add up to more than 6", "axis -1", "(2, 6)"}},
      {"a negative size",
       [] {
         split(zeros({6}), {7, -1});
       },
       {"sizes"}},
      {"one size in braces is a size", [] { split(zeros({6}), {3}); }, {"sizes add up to 3"}},
      {"a number that does not divide",
       [] {
         split(zeros({6, 2}), 4);
       },
       {"parts is 4", "divisor of 6", "axis 0"}},
      {"no part", [] { split(zeros({6}), 0u); }, {"parts is 0"}},
      {"an axis out of range", [] { split(zeros({6}), 2, 1); }, {"axis", "got 1", "(6,)"}},
      {"rank 0", [] { split(zeros({}), {1}); }, {"axis", "()"}},
  };
  return op_row;
}

}  // namespace

std::vector<OpRow> layout_ops_on_parts() {
  return {squeeze_row(), unsqueeze_row(), flatten_row(), stack_row(), split_row()};
}

}  // namespace taper::test
