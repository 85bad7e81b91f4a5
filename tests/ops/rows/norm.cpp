// Rows of the registry: layer_norm and rms_norm.
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

}  // namespace

std::vector<OpRow> norm_ops() { return {layer_norm_row(), rms_norm_row()}; }

}  // namespace taper::test
