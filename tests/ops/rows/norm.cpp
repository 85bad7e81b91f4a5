// Rows of the registry: layer_norm, rms_norm and batch_norm.
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

// gain u + bias with the formulas as they stand in the header: over all elements of a channel.
Reference batch_normalization(double epsilon) {
  return [=](const std::vector<Array>& in) {
    const std::int64_t channels = in[0].shape[1];
    std::vector<double> mean(static_cast<std::size_t>(channels)), square(mean), count(mean);
    const auto for_each = [&](const auto& visit) {
      build(in[0].shape, [&](const Index& i) {
        visit(static_cast<std::size_t>(i[1]), at(in[0], i));
        return 0.0;
      });
    };
    for_each([&](std::size_t c, double) { count[c] += 1; });
    for_each([&](std::size_t c, double x) { mean[c] += x / count[c]; });
    for_each([&](std::size_t c, double x) { square[c] += (x - mean[c]) * (x - mean[c]) / count[c]; });
    return build(in[0].shape, [&](const Index& i) {
      const auto c = static_cast<std::size_t>(i[1]);
      const double u = (at(in[0], i) - mean[c]) / std::sqrt(square[c] + epsilon);
      return at(in[1], {i[1]}) * u + at(in[2], {i[1]});
    });
  };
}

OpRow batch_norm_row() {
  OpRow op_row{.op = "batch_norm", .arguments = {"x", "gain", "bias"}};
  const auto add = [&](const std::string& name, const Shape& shape, double epsilon) {
    const Shape channels{shape[1]};
    op_row.variants.push_back({name,
                               [=](const Tensors& x) { return batch_norm(x[0], x[1], x[2], epsilon).y; },
                               batch_normalization(epsilon),
                               {{shape, distinct}, {channels, between(-2, 2)}, {channels, between(-2, 2)}}});
  };
  // Channels in short stretches, and in stretches of 64 elements and more, which are summed otherwise.
  for (const Shape& shape : {Shape{5, 3}, Shape{4, 1}, Shape{70, 2}, Shape{3, 20}, Shape{2, 3, 4},
                             Shape{2, 2, 3, 2}, Shape{2, 3, 8, 9}, Shape{1, 2, 66}, Shape{2, 0, 3}}) {
    add(printed(shape), shape, 1e-5);
  }
  add("another epsilon", {4, 3}, 0.5);
  const auto error = [&](const std::string& name, const Shape& x, const Shape& gain, const Shape& bias,
                         double epsilon, const std::vector<std::string>& says) {
    op_row.errors.push_back({name, [=] { batch_norm(zeros(x), zeros(gain), zeros(bias), epsilon); }, says});
  };
  error("rank 1", {3}, {3}, {3}, 1e-5, {"x must be (batch, channels, …)", "(3,)"});
  error("one element in a channel", {1, 3}, {3}, {3}, 1e-5, {"two elements in each channel", "(1, 3)"});
  error("no example", {0, 3}, {3}, {3}, 1e-5, {"two elements", "(0, 3)"});
  error("a gain of another width", {4, 3}, {4}, {3}, 1e-5, {"gain must be float32 of shape (3,)", "(4,)"});
  error("a bias of rank 2", {4, 3}, {3}, {1, 3}, 1e-5, {"bias must be", "(1, 3)"});
  for (const double epsilon : {0.0, -1.0, std::nan("")})
    error("epsilon " + std::to_string(epsilon), {4, 3}, {3}, {3}, epsilon, {"epsilon must be positive"});
  return op_row;
}

}  // namespace

std::vector<OpRow> norm_ops() { return {batch_norm_row(), layer_norm_row(), rms_norm_row()}; }

}  // namespace taper::test
