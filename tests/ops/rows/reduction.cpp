// Rows of the registry: reductions over axes, sum_to, running sums, and the order of elements.
#include "ops/registry.hpp"
#include <taper/taper.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace taper::test {
namespace {

using Reducing = std::function<Tensor(const Tensor&, const Axes&, bool)>;
using Fold = std::function<double(const Row&)>;

OpRow reducing(const std::string& op, const Reducing& f, const Fold& fold, const Draw& draw) {
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

// sum (x - mean)^2 / (n - correction).
double variance(const Row& x, double correction) {
  const double n = static_cast<double>(x.size()), mean = total(x) / n;
  double sum = 0;
  for (const double value : x) sum += (value - mean) * (value - mean);
  return sum / (n - correction);
}

// var or stddev. A group may have one element: then 0 is taken off, and more in variants of their own.
OpRow spread_row(const std::string& op, Tensor (*f)(const Tensor&, const Axes&, bool, const VarOptions&),
                 double (*of_variance)(double)) {
  const auto with = [&](double correction) {
    return Fold([=](const Row& x) { return of_variance(variance(x, correction)); });
  };
  OpRow op_row = reducing(
      op,
      [f](const Tensor& x, const Axes& axes, bool keepdims) {
        return f(x, axes, keepdims, {.correction = 0});
      },
      with(0), between(-2, 2));
  op_row.variants.push_back({"of a sample",
                             [f](const Tensors& x) {
                               return f(x[0], {0, 2}, false, {});
                             },
                             reduction({true, false, true}, false, with(1)),
                             {{{2, 3, 4}, between(-2, 2)}}});
  op_row.variants.push_back({"correction 1.5",
                             [f](const Tensors& x) { return f(x[0], 1, true, {.correction = 1.5}); },
                             reduction({false, true}, true, with(1.5)),
                             {{{2, 7}, between(-2, 2)}}});
  op_row.errors.push_back({"a correction that is no number",
                           [f] { f(zeros({2}), {}, false, {.correction = std::nan("")}); },
                           {"correction must be finite", "nan"}});
  op_row.header = "var";
  return op_row;
}

double product(const Row& x) { return std::accumulate(x.begin(), x.end(), 1.0, std::multiplies<>()); }

// Every third element is 0: rows of one zero, of several, and of none.
Tensor with_zeros(const Shape& shape, Generator& generator) {
  Tensor x = away_from_zero(shape, generator);
  double* const values = x.mutable_data<double>();
  for (std::int64_t i = 0; i < x.size(); ++i) {
    if (generator.uniform() < 1.0 / 3) values[i] = 0;
  }
  return x;
}

OpRow prod_row() {
  OpRow op_row = reducing("prod", prod, product, between(0.7, 1.4));
  const auto add_variant = [&](const char* name, const Shape& shape, const Axes& axes,
                               const std::vector<bool>& reduced, const Draw& draw) {
    op_row.variants.push_back({name,
                               [=](const Tensors& x) { return prod(x[0], axes); },
                               reduction(reduced, false, product),
                               {{shape, draw}}});
  };
  add_variant("rows with zeros", {8, 5}, 1, {false, true}, with_zeros);
  add_variant("columns with zeros", {4, 8}, 0, {true, false}, with_zeros);
  add_variant("zeros, over two axes", {3, 4, 2}, {0, 2}, {true, false, true}, with_zeros);
  add_variant("of nothing", {0, 3}, 0, {true, false}, between(1, 2));
  return op_row;
}

// f along each of the lines, and the errors about an axis.
void add_lines(OpRow& op_row, const std::function<Tensor(const Tensor&, int)>& f,
               const std::function<Reference(const Shape&, int)>& reference, const Draw& draw) {
  for (const Line& line : lines()) {
    const int axis = line.axis < 0 ? line.axis + line.shape.size() : line.axis;
    op_row.variants.push_back({line.name,
                               [f, line](const Tensors& x) { return f(x[0], line.axis); },
                               reference(line.shape, axis),
                               {{line.shape, draw}}});
  }
  add_axis_errors(op_row, f);
}

OpRow cumsum_row() {
  OpRow op_row{.op = "cumsum"};
  const auto running = [](const Row& x) {
    Row y = x;
    std::partial_sum(y.begin(), y.end(), y.begin());
    return y;
  };
  add_lines(
      op_row, cumsum, [&](const Shape&, int axis) { return rowwise(axis, running); }, between(-2, 2));
  op_row.variants.push_back({"rows of none",
                             [](const Tensors& x) { return cumsum(x[0]); },
                             rowwise(1, running),
                             {{{3, 0}, between(-2, 2)}}});
  return op_row;
}

// The first `count` elements of each line in order, one after the other.
Reference in_order(Shape shape, int axis, std::int64_t count, bool descending) {
  shape[axis] = std::min(count, shape[axis]);
  return [=](const std::vector<Array>& in) {
    return build(shape, [&](const Index& index) {
      Row line;
      Index position = index;
      auto& at_axis = position[static_cast<std::size_t>(axis)];
      for (at_axis = 0; at_axis < in[0].shape[axis]; ++at_axis) line.push_back(at(in[0], position));
      std::sort(line.begin(), line.end());
      if (descending) std::reverse(line.begin(), line.end());
      return line[static_cast<std::size_t>(index[static_cast<std::size_t>(axis)])];
    });
  };
}

OpRow sort_row() {
  OpRow op_row{.op = "sort"};
  add_lines(
      op_row, [](const Tensor& x, int axis) { return sort(x, axis).values; },
      [](const Shape& shape, int axis) { return in_order(shape, axis, shape[axis], false); }, distinct);
  op_row.variants.push_back({"descending",
                             [](const Tensors& x) { return sort(x[0], 1, true).values; },
                             in_order({3, 9}, 1, 9, true),
                             {{{3, 9}, distinct}}});
  op_row.variants.push_back({"rows of none",
                             [](const Tensors& x) { return sort(x[0]).values; },
                             in_order({3, 0}, 1, 0, false),
                             {{{3, 0}, distinct}}});
  return op_row;
}

OpRow top_k_row() {
  OpRow op_row{.op = "top_k", .header = "sort"};
  add_lines(
      op_row, [](const Tensor& x, int axis) { return top_k(x, 1, axis).values; },
      [](const Shape& shape, int axis) { return in_order(shape, axis, 1, true); }, distinct);
  op_row.variants.push_back({"3 of 5",
                             [](const Tensors& x) { return top_k(x[0], 3, 1).values; },
                             in_order({2, 5, 4}, 1, 3, true),
                             {{{2, 5, 4}, distinct}}});
  op_row.variants.push_back({"all",
                             [](const Tensors& x) { return top_k(x[0], 6).values; },
                             in_order({3, 6}, 1, 6, true),
                             {{{3, 6}, distinct}}});
  op_row.variants.push_back({"none",
                             [](const Tensors& x) { return top_k(x[0], 0).values; },
                             in_order({3, 4}, 1, 0, true),
                             {{{3, 4}, distinct}}});
  op_row.errors.push_back({"too many",
                           [] {
                             top_k(zeros({2, 3}), 3, 0);
                           },
                           {"2 elements", "axis 0", "got 3", "(2, 3)"}});
  op_row.errors.push_back({"k < 0", [] { top_k(zeros({2, 3}), -1); }, {"3 elements", "axis -1", "got -1"}});
  return op_row;
}

// argmax or argmin, by the elements that it points at.
OpRow extreme_place_row(const std::string& op, Indices (*along)(const Tensor&, int, bool),
                        Indices (*of_all)(const Tensor&), bool descending) {
  OpRow op_row{.op = op, .header = "argmax"};
  const auto picked = [along](const Tensor& x, int axis) {
    const Indices places = along(x, axis, true);
    const int a = axis < 0 ? axis + x.rank() : axis;
    std::int64_t inner = 1;
    for (int i = a + 1; i < x.rank(); ++i) inner *= x.extent(i);
    std::vector<std::int64_t> flat;
    for (std::int64_t i = 0; i < places.size(); ++i)
      flat.push_back((i / inner * x.extent(a) + places[i]) * inner + i % inner);
    return gather(reshape(x, {x.size()}), Indices(flat, places.shape()));
  };
  add_lines(
      op_row, picked, [=](const Shape& shape, int axis) { return in_order(shape, axis, 1, descending); },
      distinct);
  op_row.variants.push_back({"of all",
                             [of_all](const Tensors& x) {
                               const Indices place = of_all(x[0]);
                               return gather(reshape(x[0], {x[0].size()}), place);
                             },
                             reduction({true, true}, false,
                                       [descending](const Row& x) {
                                         return descending ? *std::max_element(x.begin(), x.end())
                                                           : *std::min_element(x.begin(), x.end());
                                       }),
                             {{{4, 5}, distinct}}});
  op_row.errors.push_back({"of nothing",
                           [along] {
                             along(zeros({2, 0}), 1, false);
                           },
                           {"x has no elements", "axis 1"}});
  op_row.errors.push_back({"of no elements at all",
                           [of_all] {
                             of_all(zeros({2, 0}));
                           },
                           {"x has no elements", "(2, 0)"}});
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
  OpRow min_row = reducing(
      "min", min, [](const Row& x) { return *std::min_element(x.begin(), x.end()); }, distinct);
  min_row.errors.push_back({"the minimum of nothing",
                            [] {
                              min(zeros({2, 0}), 1);
                            },
                            {"x has no elements", "axis 1", "(2, 0)"}});
  min_row.header = "max";
  OpRow sum_row = reducing("sum", sum, total, between(-2, 2));
  sum_row.variants.push_back({"of nothing",
                              [](const Tensors& x) { return sum(x[0], 0); },
                              reduction({true, false}, false, total),
                              {{{0, 3}, between(-2, 2)}}});
  return {
      extreme_place_row("argmax", argmax, argmax, true),
      extreme_place_row("argmin", argmin, argmin, false),
      cumsum_row(),
      reducing(
          "logsumexp", logsumexp,
          [](const Row& x) {
            double sum = 0;
            for (const double value : x) sum += std::exp(value);
            return std::log(sum);
          },
          between(-2, 2)),
      max_row,
      reducing(
          "mean", mean, [](const Row& x) { return total(x) / static_cast<double>(x.size()); },
          between(-2, 2)),
      min_row,
      reducing(
          "norm", norm,
          [](const Row& x) { return std::sqrt(std::inner_product(x.begin(), x.end(), x.begin(), 0.0)); },
          away_from_zero),
      prod_row(),
      sort_row(),
      spread_row("stddev", stddev, [](double variance) { return std::sqrt(variance); }),
      sum_row,
      sum_to_row(),
      top_k_row(),
      spread_row("var", var, [](double variance) { return variance; }),
  };
}

}  // namespace taper::test
