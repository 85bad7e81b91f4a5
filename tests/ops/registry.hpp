// The registry of ops. Each op has one row, in the file of its family: that of ops/softmax/ is
// rows/softmax.cpp (layout has three). Every generic check in registry_test.cpp walks all rows. To test a new
// op, add its row: a test fails until it exists.
#pragma once

#include "support/helpers.hpp"
#include <taper/core/compressed_rows.hpp>
#include <taper/core/gradcheck/gradcheck.hpp>

#include <functional>
#include <string>
#include <vector>

namespace taper::test {

// Draws one float64 input of an op.
using Draw = std::function<Tensor(const Shape&, Generator&)>;
Draw between(double low, double high);
// Elements of both signs whose absolute value lies in [0.1, 1.6].
Tensor away_from_zero(const Shape& shape, Generator& generator);
// Elements that differ from one another by at least 0.05, in random order, around 0.
Tensor distinct(const Shape& shape, Generator& generator);
// offset + 0.2 i for random integers |i| <= 8.
Draw grid(double offset);

// The places of about a third of the elements of a matrix; its second row has none.
CompressedRows some_places(std::int64_t rows, std::int64_t columns);
// The matrix that has these values there.
Array with_zeros(const CompressedRows& places, const Array& values);

struct Input {
  Shape shape;
  Draw draw;
};

// `constant` on the device of the inputs, of which one may be an empty handle.
Tensor on_the_device_of(const Tensors& inputs, const Tensor& constant);

// One way to call an op: with these inputs, away from kinks, f must return what the reference does.
struct Variant {
  std::string name;
  MultiFunction f;
  Reference reference;
  std::vector<Input> inputs;
};

// A variant with one input of shape `from`, drawn between -2 and 2, whose result has the shape `to` and
// element(input, index) at each index.
Variant by_element(const std::string& name, const Shape& from, const Shape& to,
                   const std::function<Tensor(const Tensor&)>& f,
                   const std::function<double(const Array&, const Index&)>& element);

// A call that must throw an Error of the row's op with a message that contains each of these.
struct ErrorCase {
  std::string name;
  std::function<void()> call;
  std::vector<std::string> says;
};

struct OpRow {
  std::string op;
  std::vector<Variant> variants = {};
  std::vector<ErrorCase> errors = {};
  // What the header calls the differentiable inputs: by default "x" alone, or "a" and "b". For a list, its
  // name and "[]".
  std::vector<std::string> arguments = {};
  // The stem of the header that declares the op, if it is not the op's name.
  std::string header = op;
  // The folder of ops/ in which that header must stand. registry() fills it in.
  std::string family = {};

  // What messages call input i.
  std::string argument(std::size_t i) const;
};

// f, a function of one element, on shapes of several ranks, and the row of an op that takes nothing else.
std::vector<Variant> over_shapes(Tensor (*f)(const Tensor&), const Reference& reference, const Draw& draw);
OpRow unary(const char* op, Tensor (*f)(const Tensor&), double (*reference)(double), const Draw& draw);

// Shapes with an axis along which an op works, as seen from the front or from the end.
struct Line {
  const char* name;
  Shape shape;
  int axis;
};
const std::vector<Line>& lines();
// The errors of an op that works along one axis.
void add_axis_errors(OpRow& op_row, const std::function<Tensor(const Tensor&, int)>& f);

// All rows.
const std::vector<OpRow>& registry();

// The families, each in its file of rows/.
std::vector<OpRow> activation_ops();
std::vector<OpRow> elementwise_ops();
std::vector<OpRow> layout_ops();
std::vector<OpRow> layout_ops_on_parts();
std::vector<OpRow> layout_ops_on_order();
std::vector<OpRow> reduction_ops();
std::vector<OpRow> product_ops();
std::vector<OpRow> convolution_ops();
std::vector<OpRow> softmax_ops();
std::vector<OpRow> norm_ops();
std::vector<OpRow> attention_ops();
std::vector<OpRow> recurrent_ops();

}  // namespace taper::test
