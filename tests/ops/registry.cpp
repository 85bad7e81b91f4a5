// The registry: its families put together, and the inputs they draw.
#include "ops/registry.hpp"

#include <taper/core/create.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace taper::test {

Draw between(double low, double high) {
  return
      [=](const Shape& shape, Generator& generator) { return uniform(shape, low, high, generator, float64); };
}

namespace {
template <class Element>
Tensor generate(const Shape& shape, Element element) {
  Tensor x = zeros(shape, float64);
  double* values = x.mutable_data<double>();
  for (std::int64_t i = 0; i < x.size(); ++i) values[i] = element(i);
  return x;
}
}  // namespace

Tensor away_from_zero(const Shape& shape, Generator& generator) {
  return generate(shape, [&](std::int64_t) {
    const double u = 3 * generator.uniform() - 1.5;
    return u < 0 ? u - 0.1 : u + 0.1;
  });
}

Tensor distinct(const Shape& shape, Generator& generator) {
  Tensor x = zeros(shape, float64);
  const auto middle = static_cast<double>(x.size()) / 2;
  x = generate(shape, [&](std::int64_t i) {
    return 0.1 * (static_cast<double>(i) - middle) + 0.05 * generator.uniform();
  });
  double* values = x.mutable_data<double>();
  for (std::int64_t i = x.size() - 1; i > 0; --i) {
    const auto j = static_cast<std::int64_t>(generator.uniform() * static_cast<double>(i + 1));
    std::swap(values[i], values[j]);
  }
  return x;
}

Draw grid(double offset) {
  return [=](const Shape& shape, Generator& generator) {
    return generate(shape,
                    [&](std::int64_t) { return offset + 0.2 * (std::floor(17 * generator.uniform()) - 8); });
  };
}

CompressedRows some_places(std::int64_t rows, std::int64_t columns) {
  Tensor matrix = zeros({rows, columns});
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j)
      matrix.mutable_data<float>()[i * columns + j] = i != 1 && (i + 2 * j) % 3 == 0;
  }
  return CompressedRows(matrix);
}

Array with_zeros(const CompressedRows& places, const Array& values) {
  Array matrix = build({places.rows(), places.columns()}, [](const Index&) { return 0.0; });
  for (std::int64_t p = 0; p < places.size(); ++p)
    matrix.values[static_cast<std::size_t>(places.places()[p])] = values.values[static_cast<std::size_t>(p)];
  return matrix;
}

Tensor on_the_device_of(const Tensors& inputs, const Tensor& constant) {
  const auto given = std::find_if(inputs.begin(), inputs.end(), [](const Tensor& x) { return bool(x); });
  return given == inputs.end() ? constant : constant.to(given->device());
}

Variant by_element(const std::string& name, const Shape& from, const Shape& to,
                   const std::function<Tensor(const Tensor&)>& f,
                   const std::function<double(const Array&, const Index&)>& element) {
  return {name,
          [f](const Tensors& x) { return f(x[0]); },
          [=](const std::vector<Array>& in) {
            return build(to, [&](const Index& index) { return element(in[0], index); });
          },
          {{from, between(-2, 2)}}};
}

std::string OpRow::argument(std::size_t i) const {
  if (arguments.empty()) return variants.at(0).inputs.size() == 1 ? "x" : std::string(1, "ab"[i]);
  const std::string& name = arguments.at(std::min(i, arguments.size() - 1));
  return name.ends_with("[]") ? name.substr(0, name.size() - 1) + std::to_string(i) + "]" : name;
}

std::vector<Variant> over_shapes(Tensor (*f)(const Tensor&), const Reference& reference, const Draw& draw) {
  const MultiFunction call = [f](const Tensors& x) { return f(x[0]); };
  const auto variant = [&](const char* name, const Shape& shape) {
    return Variant{name, call, reference, {{shape, draw}}};
  };
  return {variant("rank 0", {}), variant("rank 1", {5}), variant("rank 2", {3, 7}),
          variant("rank 9", {2, 1, 2, 1, 2, 1, 1, 3, 1}), variant("no elements", {2, 0, 3})};
}

OpRow unary(const char* op, Tensor (*f)(const Tensor&), double (*reference)(double), const Draw& draw) {
  return {op, over_shapes(f, pointwise(reference), draw)};
}

const std::vector<Line>& lines() {
  static const std::vector<Line> all{
      {"a vector", {7}, -1},           {"rows", {3, 6}, -1},
      {"columns", {6, 3}, 0},          {"middle axis", {2, 5, 3}, 1},
      {"from the end", {2, 5, 3}, -2}, {"rank 7", {1, 2, 1, 4, 1, 2, 1}, 3},
      {"rows of one", {3, 1}, 1},      {"no rows", {0, 3}, -1},
  };
  return all;
}

void add_axis_errors(OpRow& op_row, const std::function<Tensor(const Tensor&, int)>& f) {
  op_row.errors.push_back({"an axis out of range",
                           [f] {
                             f(zeros({2, 3}), 2);
                           },
                           {"axis", "got 2", "(2, 3)"}});
  op_row.errors.push_back({"a negative axis", [f] { f(zeros({2, 3}), -3); }, {"axis", "got -3", "(2, 3)"}});
  op_row.errors.push_back({"rank 0", [f] { f(zeros({}), -1); }, {"ax", "()"}});
}

const std::vector<OpRow>& registry() {
  static const std::vector<OpRow> rows = [] {
    std::vector<OpRow> all;
    const auto add_family = [&](const char* family, std::vector<OpRow> ops) {
      for (OpRow& op_row : ops) {
        op_row.family = family;
        all.push_back(std::move(op_row));
      }
    };
    add_family("activation", activation_ops());
    add_family("elementwise", elementwise_ops());
    add_family("layout", layout_ops());
    add_family("layout", layout_ops_on_parts());
    add_family("layout", layout_ops_on_order());
    add_family("reduction", reduction_ops());
    add_family("product", product_ops());
    add_family("convolution", convolution_ops());
    add_family("softmax", softmax_ops());
    add_family("norm", norm_ops());
    add_family("attention", attention_ops());
    add_family("recurrent", recurrent_ops());
    return all;
  }();
  return rows;
}

}  // namespace taper::test
