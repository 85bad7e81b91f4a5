// Rows of the registry: functions of a row, and cross_entropy.
#include "ops/registry.hpp"
#include <taper/taper.hpp>

#include <cmath>

namespace taper::test {
namespace {

Row softmax_row(const Row& z) { return topk_softmax_row(z, static_cast<std::int64_t>(z.size())); }

Row log_softmax_row(const Row& z) {
  Row y = softmax_row(z);
  for (double& value : y) value = std::log(value);
  return y;
}

// Rows may also be empty.
std::vector<Line> places() {
  std::vector<Line> all = lines();
  all.push_back({"rows of none", {3, 0}, -1});
  return all;
}

OpRow dense(const char* op, Tensor (*f)(const Tensor&, int), Row (*reference)(const Row&)) {
  OpRow op_row{.op = op, .arguments = {"z"}};
  for (const Line& place : places()) {
    const int axis = place.axis < 0 ? place.axis + place.shape.size() : place.axis;
    op_row.variants.push_back({place.name,
                               [f, place](const Tensors& x) { return f(x[0], place.axis); },
                               rowwise(axis, reference),
                               {{place.shape, between(-2, 2)}}});
  }
  add_axis_errors(op_row, f);
  return op_row;
}

// Elements that differ by 0.05 at least: no ties, and with 0.1 a step supports of several elements. What k does
// has nothing to do with the place of a row in memory, so that three k in two places will do.
OpRow sparse(const char* op, Tensor (*f)(const Tensor&, std::int64_t, int),
             Row (*reference)(const Row&, std::int64_t)) {
  OpRow op_row{.op = op, .arguments = {"z"}};
  for (const Line& place : places()) {
    const int axis = place.axis < 0 ? place.axis + place.shape.size() : place.axis;
    for (const std::int64_t k : {1, 3, 100}) {
      if (k != 3 && place.name != std::string("a vector") && place.name != std::string("middle axis"))
        continue;
      op_row.variants.push_back({place.name + std::string(", k = ") + std::to_string(k),
                                 [f, place, k](const Tensors& x) { return f(x[0], k, place.axis); },
                                 rowwise(axis, [=](const Row& z) { return reference(z, k); }),
                                 {{place.shape, distinct}}});
    }
  }
  add_axis_errors(op_row, [f](const Tensor& z, int axis) { return f(z, 2, axis); });
  op_row.errors.push_back({"k = 0", [f] { f(zeros({2, 3}), 0, -1); }, {"k must be", "got 0", "(2, 3)"}});
  op_row.errors.push_back({"k < 0", [f] { f(zeros({2, 3}), -4, -1); }, {"k must be", "got -4", "(2, 3)"}});
  return op_row;
}

// The same for several alphas.
OpRow entmax_variants() {
  OpRow op_row{.op = "entmax", .arguments = {"z"}};
  const auto add = [&op_row](const std::string& name, Tensor (*f)(const Tensor&, std::int64_t, int),
                             Row (*reference)(const Row&, std::int64_t)) {
    OpRow of_alpha = sparse("entmax", f, reference);
    for (Variant& variant : of_alpha.variants) {
      variant.name = name + ", " + variant.name;
      op_row.variants.push_back(variant);
    }
    if (op_row.errors.empty()) op_row.errors = of_alpha.errors;
  };
  using Z = const Tensor&;
  add(
      "1.5", [](Z z, std::int64_t k, int axis) { return entmax(z, 1.5, k, axis); },
      [](const Row& z, std::int64_t k) { return entmax_row(z, 1.5, k); });
  add(
      "1.3", [](Z z, std::int64_t k, int axis) { return entmax(z, 1.3, k, axis); },
      [](const Row& z, std::int64_t k) { return entmax_row(z, 1.3, k); });
  add(
      "1", [](Z z, std::int64_t k, int axis) { return entmax(z, 1, k, axis); }, topk_softmax_row);
  add(
      "2", [](Z z, std::int64_t k, int axis) { return entmax(z, 2, k, axis); }, sparse_softmax_row);
  for (const double alpha : {0.99, 2.01, std::nan("")}) {
    op_row.errors.push_back({"an alpha of " + std::to_string(alpha),
                             [alpha] {
                               entmax(zeros({2, 3}), alpha);
                             },
                             {"alpha must be from 1 to 2"}});
  }
  return op_row;
}

OpRow cross_entropy_row() {
  OpRow op_row{.op = "cross_entropy", .arguments = {"logits"}};
  const auto add_variant = [&](const std::string& name, const Shape& shape, const Indices& labels,
                               const CrossEntropyOptions& options) {
    const auto reference = [=](const std::vector<Array>& in) {
      const auto classes = static_cast<std::size_t>(shape[shape.size() - 1]);
      double sum = 0, counted = 0;
      for (std::int64_t row = 0; row < labels.size(); ++row) {
        if (labels[row] == options.ignored_label) continue;
        const auto begin = in[0].values.begin() + row * shape[shape.size() - 1];
        const Row z(begin, begin + shape[shape.size() - 1]);
        double total = 0;
        for (double v : z) total += std::exp(v);
        for (std::size_t j = 0; j < classes; ++j) {
          const double target =
              (static_cast<std::int64_t>(j) == labels[row] ? 1 - options.label_smoothing : 0) +
              options.label_smoothing / static_cast<double>(classes);
          sum -= target * std::log(std::exp(z[j]) / total);
        }
        ++counted;
      }
      return Array{{}, {sum / counted}};
    };
    op_row.variants.push_back({name,
                               [=](const Tensors& x) { return cross_entropy(x[0], labels, options); },
                               reference,
                               {{shape, between(-2, 2)}}});
  };
  add_variant("rows", {3, 4}, {3, 0, 1}, {});
  add_variant("one row", {5}, Indices({2}, {}), {});
  add_variant("a batch of sequences", {2, 3, 4}, Indices({3, 0, 1, 2, 2, 0}, {2, 3}), {});
  add_variant("smoothed", {3, 4}, {3, 0, 1}, {.label_smoothing = 0.1});
  add_variant("nothing but smoothing", {3, 4}, {3, 0, 1}, {.label_smoothing = 1});
  add_variant("ignored", {4, 3}, {-100, 2, -100, 0}, {});
  add_variant("ignored and smoothed", {4, 3}, {0, 2, 1, 0}, {.label_smoothing = 0.3, .ignored_label = 0});
  add_variant("more than a vector", {2, 37}, {36, 5}, {.label_smoothing = 0.1});
  add_variant("one class", {2, 1}, {0, 0}, {});
  op_row.errors = {
      {"labels of another shape",
       [] {
         cross_entropy(ones({2, 3}), {0, 1, 2});
       },
       {"(2, 3)", "(3,)"}},
      {"a label too large",
       [] {
         cross_entropy(ones({2, 3}), {0, 3});
       },
       {"labels has 3", "(2, 3)", "3 classes"}},
      {"a negative label",
       [] {
         cross_entropy(ones({2, 3}), {0, -1});
       },
       {"labels has -1"}},
      {"no row",
       [] {
         cross_entropy(ones({0, 3}), Indices({}, {0}));
       },
       {"labels is empty", "(0, 3)"}},
      {"every row ignored",
       [] {
         cross_entropy(ones({2, 3}), {-100, -100});
       },
       {"every label is ignored", "(2, 3)"}},
      {"rank 0", [] { cross_entropy(ones({}), Indices({1}, {})); }, {"()"}},
      {"negative smoothing",
       [] {
         cross_entropy(ones({1, 3}), {0}, {.label_smoothing = -0.1});
       },
       {"label_smoothing", "-0.1"}},
      {"smoothing beyond 1",
       [] {
         cross_entropy(ones({1, 3}), {0}, {.label_smoothing = 1.5});
       },
       {"label_smoothing", "1.5"}},
  };
  return op_row;
}

}  // namespace

std::vector<OpRow> softmax_ops() {
  return {
      cross_entropy_row(),
      entmax_variants(),
      dense("log_softmax", log_softmax, log_softmax_row),
      dense("softmax", softmax, softmax_row),
      sparse("sparse_softmax", sparse_softmax, sparse_softmax_row),
      sparse("sparse_softmax_as_written", sparse_softmax_as_written, as_written_row),
      sparse("topk_softmax", topk_softmax, topk_softmax_row),
  };
}

}  // namespace taper::test
