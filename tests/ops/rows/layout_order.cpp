// Rows of the registry: elements in another order, padding, triangles.
#include "ops/registry.hpp"
#include <taper/taper.hpp>

#include <algorithm>

namespace taper::test {
namespace {

OpRow permute_row() {
  OpRow op_row{"permute"};
  const auto add = [&](const char* name, const Shape& from, const Shape& axes) {
    Shape to = from, order = axes;
    for (int i = 0; i < from.size(); ++i) {
      if (order[i] < 0) order[i] += from.size();
      to[i] = from[static_cast<int>(order[i])];
    }
    op_row.variants.push_back(by_element(
        name, from, to, [axes](const Tensor& x) { return permute(x, axes); },
        [order](const Array& x, const Index& index) {
          Index source = index;
          for (int i = 0; i < order.size(); ++i)
            source[static_cast<std::size_t>(order[i])] = index[static_cast<std::size_t>(i)];
          return at(x, source);
        }));
  };
  add("a matrix", {2, 3}, {1, 0});
  add("nothing", {2, 3, 2}, {0, 1, 2});
  add("channels last", {2, 3, 2, 2}, {0, 2, 3, 1});
  add("channels first", {2, 2, 2, 3}, {0, -1, 1, 2});
  add("reversed", {2, 3, 4}, {2, 1, 0});
  add("heads", {2, 3, 2, 4}, {0, 2, 1, 3});
  add("reversed of rank 4", {2, 3, 2, 3}, {3, 2, 1, 0});
  add("two swaps", {2, 3, 2, 3}, {1, 3, 0, 2});
  add("two pairs", {2, 3, 2, 3}, {1, 0, 3, 2});
  add("pixels of blocks", {1, 2, 2, 3, 2, 2}, {0, 1, 4, 2, 5, 3});
  add("axes of extent 1", {1, 2, 1, 3}, {2, 3, 0, 1});
  add("rank 8", {1, 2, 1, 2, 2, 1, 2, 1}, {6, 0, 3, 7, 1, 2, 4, 5});
  add("a vector", {3}, {-1});
  add("rank 0", {}, {});
  add("no elements", {2, 0, 3}, {2, 0, 1});
  op_row.errors = {
      {"an axis twice",
       [] {
         permute(zeros({2, 3}), {0, -2});
       },
       {"axis -2", "(2, 3)", "twice", "(0, -2)"}},
      {"too few axes",
       [] {
         permute(zeros({2, 3}), {0});
       },
       {"each axis", "(2, 3)", "(0,)"}},
      {"an axis out of range",
       [] {
         permute(zeros({2, 3}), {0, 2});
       },
       {"axes", "got 2", "(2, 3)"}},
  };
  return op_row;
}

OpRow flip_row() {
  OpRow op_row{"flip"};
  const auto add = [&](const char* name, const Shape& shape, const Axes& axes) {
    const Shape flipped = axes.reduced("flip", shape);
    op_row.variants.push_back(by_element(
        name, shape, shape, [axes](const Tensor& x) { return flip(x, axes); },
        [=](const Array& x, const Index& index) {
          Index source = index;
          for (int axis = 0; axis < shape.size(); ++axis) {
            std::int64_t& position = source[static_cast<std::size_t>(axis)];
            if (flipped[axis]) position = shape[axis] - 1 - position;
          }
          return at(x, source);
        }));
  };
  add("a vector", {5}, 0);
  add("first axis", {3, 4}, 0);
  add("last axis", {3, 4}, -1);
  add("middle axis", {2, 3, 2}, 1);
  add("all axes", {2, 3, 2}, {});
  add("outer axes", {2, 3, 2}, {0, 2});
  add("neighbours", {2, 3, 4, 2}, {1, 2});
  add("an axis of extent 1", {1, 3}, 0);
  add("rank 0", {}, {});
  add("no elements", {0, 3}, {0, 1});
  add("rank 8", {1, 2, 1, 2, 1, 3, 1, 2}, {1, 5});
  op_row.errors = {
      {"an axis out of range",
       [] {
         flip(zeros({2, 3}), {0, 2});
       },
       {"axis", "got 2", "(2, 3)"}},
      {"an axis twice",
       [] {
         flip(zeros({2, 3}), {1, -1});
       },
       {"twice", "-1", "(2, 3)"}},
      {"an axis of rank 0", [] { flip(zeros({}), 0); }, {"axis", "()"}},
  };
  return op_row;
}

OpRow pad_row() {
  OpRow op_row{"pad"};
  const auto add = [&](const char* name, const Shape& from, const std::vector<Padding>& paddings,
                       double value) {
    Shape to = from;
    for (int axis = 0; axis < from.size(); ++axis) {
      const auto [before, after] = paddings[static_cast<std::size_t>(axis)];
      to[axis] += before + after;
    }
    op_row.variants.push_back(by_element(
        name, from, to, [=](const Tensor& x) { return pad(x, paddings, value); },
        [=](const Array& x, const Index& index) {
          Index source = index;
          for (std::size_t axis = 0; axis < source.size(); ++axis) {
            source[axis] -= paddings[axis].before;
            if (source[axis] < 0 || source[axis] >= from[static_cast<int>(axis)]) return value;
          }
          return at(x, source);
        }));
  };
  add("a vector", {3}, {{1, 2}}, 0);
  add("another value", {2, 3}, {{0, 1}, {2, 0}}, -1.5);
  add("a frame", {2, 1, 3, 2}, {{}, {}, {1, 1}, {2, 1}}, 0);
  add("nothing", {2, 3}, {{}, {}}, 1);
  add("a first axis", {2, 3}, {{1, 1}, {}}, 0);
  add("rank 0", {}, {}, 3);
  add("no elements", {0, 2}, {{1, 0}, {0, 1}}, 2);
  add("rank 7", {1, 2, 1, 1, 2, 1, 2}, {{1, 0}, {}, {0, 1}, {}, {1, 1}, {}, {}}, 1);
  op_row.errors = {
      {"too few paddings",
       [] {
         pad(zeros({2, 3}), {{1, 1}});
       },
       {"paddings", "got 1", "(2, 3)"}},
      {"a negative padding",
       [] {
         pad(zeros({2, 3}), {{1, 1}, {0, -1}});
       },
       {"negative", "{0, -1}", "axis 1", "(2, 3)"}},
      {"a padding too large",
       [] {
         pad(zeros({2}), {{1, std::int64_t{0x7fffffffffffffff}}});
       },
       {"too large", "axis 0", "(2,)"}},
  };
  return op_row;
}

OpRow triangle_row(const char* op, Tensor (*f)(const Tensor&, std::int64_t), bool is_upper) {
  OpRow op_row{.op = op, .header = "triu"};
  const auto add = [&](const char* name, const Shape& shape, std::int64_t diagonal) {
    op_row.variants.push_back(by_element(
        name, shape, shape, [=](const Tensor& x) { return f(x, diagonal); },
        [=](const Array& x, const Index& index) {
          const std::int64_t above = index.back() - index[index.size() - 2] - diagonal;
          return (is_upper ? above >= 0 : above <= 0) ? at(x, index) : 0.0;
        }));
  };
  add("square", {4, 4}, 0);
  add("above the diagonal", {4, 4}, 1);
  add("below the diagonal", {4, 4}, -2);
  add("wide", {2, 5}, 1);
  add("tall", {5, 2}, -1);
  add("a stack", {2, 2, 3, 3}, 0);
  add("a diagonal far above", {2, 3}, 100);
  add("a diagonal far below", {2, 3}, -100);
  add("one element", {1, 1}, 0);
  add("a column", {3, 1}, -1);
  add("no elements", {0, 3}, 0);
  add("rank 7", {1, 2, 1, 1, 2, 2, 2}, 0);
  op_row.errors = {
      {"a vector", [f] { f(zeros({3}), 0); }, {"x must have at least two axes", "(3,)"}},
      {"rank 0", [f] { f(zeros({}), 0); }, {"two axes", "()"}},
  };
  return op_row;
}

}  // namespace

std::vector<OpRow> layout_ops_on_order() {
  return {permute_row(), flip_row(), pad_row(), triangle_row("triu", triu, true),
          triangle_row("tril", tril, false)};
}

}  // namespace taper::test
