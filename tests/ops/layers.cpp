// Rows of the registry: what the layers of a model are made of.
#include "ops/registry.hpp"
#include <taper/taper.hpp>

#include <cmath>

namespace taper::test {
namespace {

// gain u + bias with the formulas as they stand in the headers; without a third input bias is 0.
Reference normalization(bool centers, double epsilon) {
  return [=](const std::vector<Array>& in) {
    const int last = in[0].shape.size() - 1;
    const Reference unit = rowwise(last, [=](const Row& x) {
      const auto n = static_cast<double>(x.size());
      double mean = 0, square = 0;
      for (double v : x) mean += centers ? v / n : 0;
      for (double v : x) square += (v - mean) * (v - mean) / n;
      Row u;
      for (double v : x) u.push_back((v - mean) / std::sqrt(square + epsilon));
      return u;
    });
    const Array u = unit({in[0]});
    return build(in[0].shape, [&](const Index& i) {
      return at(u, i) * at_broadcast(in[1], i) + (in.size() > 2 ? at_broadcast(in[2], i) : 0);
    });
  };
}

const std::vector<Shape>& row_shapes() {
  // Widths below and above what the kernels sum at once (16 lanes of 8), and more rows than they group (4).
  static const std::vector<Shape> all{{5},    {4, 6}, {2, 3, 4}, {9, 3}, {2, 150}, {1, 2, 1, 2, 1, 3, 16},
                                      {3, 1}, {0, 3}, {3, 0}};
  return all;
}

void add_normalization_errors(OpRow& op_row,
                              const std::function<Tensor(const Tensor&, const Tensor&, double)>& f) {
  op_row.errors.push_back({"rank 0", [=] { f(zeros({}), zeros({1}), 1e-5); }, {"x", "()"}});
  op_row.errors.push_back({"a gain of another width",
                           [=] {
                             f(zeros({2, 3}), zeros({2}), 1e-5);
                           },
                           {"gain", "float32 of shape (3,)", "(2, 3)", "got float32 (2,)"}});
  op_row.errors.push_back({"a gain of rank 2",
                           [=] {
                             f(zeros({3}), zeros({1, 3}), 1e-5);
                           },
                           {"gain", "(1, 3)"}});
  for (const double epsilon : {0.0, -1.0, std::nan("")}) {
    op_row.errors.push_back({"epsilon " + std::to_string(epsilon),
                             [=] { f(zeros({3}), zeros({3}), epsilon); },
                             {"epsilon must be positive"}});
  }
}

OpRow layer_norm_row() {
  OpRow op_row{.op = "layer_norm", .arguments = {"x", "gain", "bias"}};
  for (const Shape& shape : row_shapes()) {
    const Shape width{shape[shape.size() - 1]};
    op_row.variants.push_back({printed(shape),
                               [](const Tensors& x) { return layer_norm(x[0], x[1], x[2]); },
                               normalization(true, 1e-5),
                               {{shape, distinct}, {width, between(-2, 2)}, {width, between(-2, 2)}}});
  }
  op_row.variants.push_back({"another epsilon",
                             [](const Tensors& x) { return layer_norm(x[0], x[1], x[2], 0.5); },
                             normalization(true, 0.5),
                             {{{2, 3}, between(-1, 1)}, {{3}, between(-2, 2)}, {{3}, between(-2, 2)}}});
  add_normalization_errors(op_row, [](const Tensor& x, const Tensor& gain, double epsilon) {
    return layer_norm(x, gain, gain, epsilon);
  });
  op_row.errors.push_back({"a bias of another width",
                           [] {
                             layer_norm(zeros({2, 3}), zeros({3}), zeros({4}));
                           },
                           {"bias must be float32 of shape (3,)", "(2, 3)", "got float32 (4,)"}});
  return op_row;
}

OpRow rms_norm_row() {
  OpRow op_row{.op = "rms_norm", .arguments = {"x", "gain"}};
  for (const Shape& shape : row_shapes()) {
    const Shape width{shape[shape.size() - 1]};
    op_row.variants.push_back({printed(shape),
                               [](const Tensors& x) { return rms_norm(x[0], x[1]); },
                               normalization(false, 1e-6),
                               {{shape, away_from_zero}, {width, between(-2, 2)}}});
  }
  op_row.variants.push_back({"another epsilon",
                             [](const Tensors& x) { return rms_norm(x[0], x[1], 0.5); },
                             normalization(false, 0.5),
                             {{{2, 3}, between(-1, 1)}, {{3}, between(-2, 2)}}});
  add_normalization_errors(op_row, rms_norm);
  return op_row;
}

OpRow rotary_row() {
  OpRow op_row{"rotary", {}};
  const auto add_variant = [&](const std::string& name, const Shape& shape, std::int64_t first, double base) {
    const auto reference = [=](const std::vector<Array>& in) {
      return build(shape, [&](const Index& index) {
        const std::size_t last = index.size() - 1;
        const bool is_second = index[last] % 2 != 0;
        Index other = index;
        other[last] += is_second ? -1 : 1;
        const double exponent =
            -2.0 * static_cast<double>(index[last] / 2) / static_cast<double>(shape[shape.size() - 1]);
        const double angle = static_cast<double>(first + index[last - 1]) * std::pow(base, exponent);
        return at(in[0], index) * std::cos(angle) + (is_second ? 1 : -1) * at(in[0], other) * std::sin(angle);
      });
    };
    op_row.variants.push_back({name,
                               [=](const Tensors& x) { return rotary(x[0], first, base); },
                               reference,
                               {{shape, between(-2, 2)}}});
  };
  add_variant("a sequence", {5, 4}, 0, 10000);
  add_variant("a batch of heads", {2, 3, 4, 6}, 0, 10000);
  add_variant("later positions", {2, 3, 2}, 1000, 10000);
  add_variant("negative positions", {2, 3, 2}, -5, 10000);
  add_variant("another base", {4, 8}, 3, 20);
  add_variant("rank 7", {1, 2, 1, 2, 1, 3, 2}, 1, 100);
  add_variant("no positions", {2, 0, 4}, 0, 10000);
  add_variant("no elements", {3, 0}, 0, 10000);
  add_variant("no sequences", {0, 3, 2}, 0, 10000);
  op_row.errors = {
      {"rank 1", [] { rotary(zeros({4})); }, {"x", "(4,)"}},
      {"an odd width",
       [] {
         rotary(zeros({2, 3}));
       },
       {"even last extent", "(2, 3)"}},
      {"base 0",
       [] {
         rotary(zeros({2, 4}), 0, 0);
       },
       {"base", "got 0"}},
      {"a base that is no number",
       [] {
         rotary(zeros({2, 4}), 0, std::nan(""));
       },
       {"base", "nan"}},
  };
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

std::vector<OpRow> layer_ops() {
  return {cross_entropy_row(), layer_norm_row(), rms_norm_row(), rotary_row()};
}

}  // namespace taper::test
