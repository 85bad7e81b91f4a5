// Rows of the registry: reductions over axes, and sum_to.
#include "ops/registry.hpp"
#include <taper/taper.hpp>

#include <algorithm>
#include <numeric>

namespace taper::test {
namespace {

using Fold = double (*)(const Row&);

OpRow reducing(const std::string& op, Tensor (*f)(const Tensor&, const Axes&, bool), Fold fold,
               const Draw& draw) {
  OpRow op_row{op, {}};
  const auto add_variant = [&](const char* name, const Shape& shape, const Axes& axes,
                               const std::vector<bool>& reduced, bool keepdims = false) {
    op_row.variants.push_back({name,
                               [=](const Tensors& x) { return f(x[0], axes, keepdims); },
                               reduction(reduced, keepdims, fold),
                               {{shape, draw}}});
  };
  add_variant("all of rank 0", {}, {}, {});
  add_variant("no axis", {2, 3}, Axes(Shape{}), {false, false});
  add_variant("all", {3, 4}, {}, {true, true});
  add_variant("all, long", {4, 19}, {}, {true, true});
  add_variant("all, kept", {3, 4}, {}, {true, true}, true);
  add_variant("first", {3, 4}, 0, {true, false});
  add_variant("last", {3, 19}, -1, {false, true});
  add_variant("last, kept", {3, 4}, 1, {false, true}, true);
  add_variant("middle", {2, 3, 4}, 1, {false, true, false});
  add_variant("middle, kept", {2, 3, 4}, -2, {false, true, false}, true);
  add_variant("outer two", {2, 3, 4}, {2, 0}, {true, false, true});
  add_variant("outer two, kept", {2, 3, 4}, {0, -1}, {true, false, true}, true);
  add_variant("every other axis of rank 8", {2, 1, 2, 3, 1, 2, 2, 2}, {0, 2, 4, 6},
              {true, false, true, false, true, false, true, false});
  add_variant("nothing left to reduce into", {0, 3}, 1, {false, true});
  op_row.errors = {
      {"an axis out of range",
       [f] {
         f(zeros({2, 3}), 2, false);
       },
       {"axis", "got 2", "(2, 3)", "2 axes"}},
      {"a negative axis out of range",
       [f] {
         f(zeros({2, 3}), -3, false);
       },
       {"got -3", "(2, 3)"}},
      {"an axis of a scalar", [f] { f(zeros({}), 0, false); }, {"got 0", "()"}},
      {"an axis twice",
       [f] {
         f(zeros({2, 3}), {1, -1}, false);
       },
       {"twice", "(2, 3)"}},
  };
  return op_row;
}

double total(const Row& x) { return std::accumulate(x.rbegin(), x.rend(), 0.0); }

OpRow sum_to_row() {
  OpRow op_row{"sum_to", {}};
  const auto add_variant = [&](const char* name, const Shape& from, const Shape& to) {
    op_row.variants.push_back({name,
                               [=](const Tensors& x) { return sum_to(x[0], to); },
                               [=](const std::vector<Array>& in) {
                                 // Each element of x is added where broadcasting would have taken it from.
                                 Array y = build(to, [](const Index&) { return 0.0; });
                                 build(in[0].shape, [&](const Index& i) {
                                   std::int64_t flat = 0;
                                   for (int axis = 0; axis < to.size(); ++axis) {
                                     const auto own = i.size() - static_cast<std::size_t>(to.size() - axis);
                                     flat = flat * to[axis] + (to[axis] == 1 ? 0 : i[own]);
                                   }
                                   y.values[static_cast<std::size_t>(flat)] += at(in[0], i);
                                   return 0.0;
                                 });
                                 return y;
                               },
                               {{from, between(-2, 2)}}});
  };
  add_variant("its own shape", {2, 3}, {2, 3});
  add_variant("rank 0", {2, 3}, {});
  add_variant("one element", {2, 3}, {1, 1});
  add_variant("missing leading axis", {4, 2, 3}, {2, 3});
  add_variant("axis of extent 1 in the middle", {4, 2, 3}, {4, 1, 3});
  add_variant("both", {2, 4, 2, 3}, {4, 1, 3});
  add_variant("rank 7", {2, 1, 2, 2, 1, 2, 3}, {2, 1, 1, 1, 3});
  add_variant("axis of extent 0 summed away", {0, 3}, {3});
  add_variant("axis of extent 0 kept", {2, 0}, {0});
  op_row.errors = {
      {"a shape that x's does not come from",
       [] {
         sum_to(zeros({2, 3}), {2});
       },
       {"(2, 3)", "(2,)"}},
      {"a larger shape",
       [] {
         sum_to(zeros({3}), {2, 3});
       },
       {"shape (2, 3)", "(3,)"}},
  };
  op_row.header = "sum";
  return op_row;
}

}  // namespace

std::vector<OpRow> reduction_ops() {
  OpRow max_row = reducing(
      "max", max, [](const Row& x) { return *std::max_element(x.begin(), x.end()); }, distinct);
  max_row.errors.push_back({"the maximum of nothing",
                            [] {
                              max(zeros({2, 0}), 1);
                            },
                            {"x has no elements", "axis 1", "(2, 0)"}});
  OpRow sum_row = reducing("sum", sum, total, between(-2, 2));
  sum_row.variants.push_back({"of nothing",
                              [](const Tensors& x) { return sum(x[0], 0); },
                              reduction({true, false}, false, total),
                              {{{0, 3}, between(-2, 2)}}});
  return {
      max_row,
      reducing(
          "mean", mean, [](const Row& x) { return total(x) / static_cast<double>(x.size()); },
          between(-2, 2)),
      sum_row,
      sum_to_row(),
  };
}

}  // namespace taper::test
