// Rows of the registry: rnn, gru and lstm. They need several inputs each, in the order of PyTorch's cells.
#include "ops/registry.hpp"
#include <taper/taper.hpp>

#include <cmath>

namespace taper::test {
namespace {

double sigmoid_of(double x) { return 1 / (1 + std::exp(-x)); }

struct Sizes {
  std::int64_t batch, steps, inputs, width;
  bool reverse = false;
  std::vector<std::int64_t> lengths = {};
  CompressedRows input_places = {}, hidden_places = {};
};

// The three layers as their formulas stand in the header, element by element. in: x, state, (cell,) W, U, b,
// c. The value is the outputs, or the last cell.
Reference recurrence(int gates, const Sizes& sizes, bool wants_cell) {
  return [=](const std::vector<Array>& in) {
    const bool is_lstm = gates == 4;
    const std::size_t weights = is_lstm ? 3 : 2;
    const std::int64_t batch = sizes.batch, steps = sizes.steps, inputs = sizes.inputs, width = sizes.width;
    Array outputs = build({batch, steps, width}, [](const Index&) { return 0.0; });
    Array cells = build({batch, width}, [](const Index&) { return 0.0; });
    for (std::int64_t b = 0; b < batch; ++b) {
      const std::int64_t length = sizes.lengths.empty() ? steps : sizes.lengths[static_cast<std::size_t>(b)];
      Row h, cell;
      for (std::int64_t i = 0; i < width; ++i) {
        h.push_back(at(in[1], {b, i}));
        if (is_lstm) cell.push_back(at(in[2], {b, i}));
      }
      for (std::int64_t step = 0; step < length; ++step) {
        const std::int64_t t = sizes.reverse ? length - 1 - step : step;
        const auto from_input = [&](std::int64_t row) {
          double total = at(in[weights + 2], {row});
          for (std::int64_t j = 0; j < inputs; ++j) total += at(in[weights], {row, j}) * at(in[0], {b, t, j});
          return total;
        };
        const auto from_state = [&](std::int64_t row) {
          double total = at(in[weights + 3], {row});
          for (std::int64_t j = 0; j < width; ++j)
            total += at(in[weights + 1], {row, j}) * h[static_cast<std::size_t>(j)];
          return total;
        };
        Row next;
        for (std::int64_t i = 0; i < width; ++i) {
          const auto place = static_cast<std::size_t>(i);
          const auto sum = [&](std::int64_t gate) {
            return from_input(gate * width + i) + from_state(gate * width + i);
          };
          if (gates == 1) {
            next.push_back(std::tanh(sum(0)));
          } else if (gates == 3) {
            const double r = sigmoid_of(sum(0)), z = sigmoid_of(sum(1));
            const double n = std::tanh(from_input(2 * width + i) + r * from_state(2 * width + i));
            next.push_back((1 - z) * n + z * h[place]);
          } else {
            cell[place] = sigmoid_of(sum(1)) * cell[place] + sigmoid_of(sum(0)) * std::tanh(sum(2));
            next.push_back(sigmoid_of(sum(3)) * std::tanh(cell[place]));
          }
        }
        h = next;
        for (std::int64_t i = 0; i < width; ++i)
          outputs.values[static_cast<std::size_t>((b * steps + t) * width + i)] =
              h[static_cast<std::size_t>(i)];
      }
      for (std::int64_t i = 0; i < width && is_lstm; ++i)
        cells.values[static_cast<std::size_t>(b * width + i)] = cell[static_cast<std::size_t>(i)];
    }
    return wants_cell ? cells : outputs;
  };
}

// The same with weights in compressed rows.
Reference sparse_recurrence(int gates, const Sizes& sizes, bool wants_cell) {
  return [=](std::vector<Array> in) {
    const std::size_t weights = in.size() - 4;
    if (sizes.input_places) in[weights] = with_zeros(sizes.input_places, in[weights]);
    if (sizes.hidden_places) in[weights + 1] = with_zeros(sizes.hidden_places, in[weights + 1]);
    return recurrence(gates, sizes, wants_cell)(in);
  };
}

std::vector<Input> inputs_of(int gates, const Sizes& s) {
  const Draw draw = between(-1, 1);
  std::vector<Input> inputs{{{s.batch, s.steps, s.inputs}, draw}, {{s.batch, s.width}, draw}};
  if (gates == 4) inputs.push_back({{s.batch, s.width}, draw});
  const auto weight = [&](const CompressedRows& places, std::int64_t columns) {
    return places ? Shape{places.size()} : Shape{gates * s.width, columns};
  };
  for (const Shape& shape : {weight(s.input_places, s.inputs), weight(s.hidden_places, s.width),
                             Shape{gates * s.width}, Shape{gates * s.width}}) {
    inputs.push_back({shape, draw});
  }
  return inputs;
}

RecurrentWeights weights_of(const Tensors& x, const Sizes& s) {
  const std::size_t first = x.size() - 4;
  return {x[first], x[first + 1], x[first + 2], x[first + 3], s.input_places, s.hidden_places};
}
RecurrenceOptions options_of(const Sizes& s) { return {.reverse = s.reverse, .lengths = s.lengths}; }

using Call = std::function<Tensor(const Tensors&, const Sizes&)>;

OpRow recurrent_row(const char* op, int gates, const Call& call, const Call& cell_call) {
  OpRow op_row{.op = op,
               .arguments = {"x", "state", "weights.input", "weights.hidden", "weights.input_bias",
                             "weights.hidden_bias"},
               .header = "recurrent"};
  if (gates == 4) op_row.arguments.insert(op_row.arguments.begin() + 2, "cell");
  const auto add = [&](const std::string& name, const Sizes& s) {
    const auto add_call = [&](const std::string& name, const Call& f, bool wants_cell) {
      op_row.variants.push_back({name, [=](const Tensors& x) { return f(x, s); },
                                 sparse_recurrence(gates, s, wants_cell), inputs_of(gates, s)});
    };
    add_call(name, call, false);
    if (cell_call) add_call(name + ", the cell", cell_call, true);
  };
  add("one step", {.batch = 2, .steps = 1, .inputs = 3, .width = 2});
  add("some steps", {.batch = 3, .steps = 4, .inputs = 2, .width = 3});
  add("reversed", {.batch = 2, .steps = 3, .inputs = 1, .width = 2, .reverse = true});
  add("lengths", {.batch = 3, .steps = 3, .inputs = 2, .width = 2, .lengths = {2, 3, 1}});
  add("lengths reversed",
      {.batch = 3, .steps = 3, .inputs = 2, .width = 2, .reverse = true, .lengths = {2, 3, 1}});
  add("no sequences", {.batch = 0, .steps = 2, .inputs = 2, .width = 2});
  add("sparse", {.batch = 3,
                 .steps = 3,
                 .inputs = 4,
                 .width = 3,
                 .lengths = {2, 3, 1},
                 .input_places = some_places(gates * 3, 4),
                 .hidden_places = some_places(gates * 3, 3)});
  add("sparse, one sequence", {.batch = 1,
                               .steps = 3,
                               .inputs = 3,
                               .width = 4,
                               .reverse = true,
                               .hidden_places = some_places(gates * 4, 4)});

  const auto error = [&](const char* name, const Sizes& s, std::size_t changed, const Shape& shape,
                         const std::vector<std::string>& says) {
    op_row.errors.push_back({name,
                             [=] {
                               Tensors x;
                               for (const Input& input : inputs_of(gates, s)) x.push_back(zeros(input.shape));
                               if (changed < x.size()) x[changed] = zeros(shape);
                               call(x, s);
                             },
                             says});
  };
  const Sizes usual{.batch = 2, .steps = 3, .inputs = 4, .width = 5};
  const std::size_t first = gates == 4 ? 3 : 2;
  error("x of rank 2", usual, 0, {2, 3}, {"x must be (batch, steps, inputs)", "(2, 3)"});
  error("no step", usual, 0, {2, 0, 4}, {"at least one step and input", "(2, 0, 4)"});
  error("a state of another width", usual, 1, {2, 4}, {"state must be float32 of shape (2, 5)", "(2, 4)"});
  error("an input weight of other inputs", usual, first, {gates * 5, 3},
        {"weights.input must", "width of 5"});
  error("a hidden weight of rank 1", usual, first + 1, {5},
        {"weights.hidden must be (gates * width, width)"});
  error("a bias of another width", usual, first + 3, {4}, {"weights.hidden_bias must be float32"});
  Sizes wrong = usual;
  wrong.input_places = some_places(gates * 5, 5);
  error("places of other inputs", wrong, 99, {}, {"weights.input_places must be of a matrix", "got one of"});
  wrong = usual, wrong.hidden_places = some_places(gates * 5, 5);
  error("too few values", wrong, first + 1, {3}, {"weights.hidden must be float32", "(3,)"});
  wrong = usual;
  wrong.lengths = {1};
  error("too few lengths", wrong, 99, {}, {"one for each of 2 sequences", "(1,)"});
  wrong.lengths = {1, 4};
  error("a length that is too large", wrong, 99, {}, {"lengths[1] must lie in [1, 3]", "got 4"});
  wrong.lengths = {0, 2};
  error("a length of 0", wrong, 99, {}, {"lengths[0]", "got 0"});
  return op_row;
}

}  // namespace

std::vector<OpRow> recurrent_ops() {
  const Call lstm_cell = [](const Tensors& x, const Sizes& s) {
    return lstm(x[0], x[1], x[2], weights_of(x, s), options_of(s)).cell;
  };
  return {
      recurrent_row(
          "rnn", 1,
          [](const Tensors& x, const Sizes& s) { return rnn(x[0], x[1], weights_of(x, s), options_of(s)); },
          nullptr),
      recurrent_row(
          "gru", 3,
          [](const Tensors& x, const Sizes& s) { return gru(x[0], x[1], weights_of(x, s), options_of(s)); },
          nullptr),
      recurrent_row(
          "lstm", 4,
          [](const Tensors& x, const Sizes& s) {
            return lstm(x[0], x[1], x[2], weights_of(x, s), options_of(s)).outputs;
          },
          lstm_cell),
  };
}

}  // namespace taper::test
