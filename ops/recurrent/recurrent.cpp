// rnn:  h' = tanh(W x + b + U h + c); backwards, with dh from the later steps and dy of this one,
//       da = (dh + dy) * (1 - h'^2), and dh = U^T da goes on to the step before.
// gru:  h' = (1 - z) * n + z * h with the gates r, z, and n = tanh(W_n x + b_n + r * (U_n h + c_n)).
// lstm: cell' = f * cell + i * g, h' = o * tanh(cell'), with the gates i, f, o.
// dW = the sum of da x^T over all steps, dU that of da h^T, dx = W^T da.
#include "recurrent.hpp"

#include "../../core/create.hpp"
#include "../../core/fail.hpp"
#include "../../core/memory/transfer.hpp"
#include "../../core/record.hpp"
#include "../activation/sigmoid.hpp"
#include "../activation/tanh.hpp"
#include "../elementwise/add.hpp"
#include "../elementwise/mul.hpp"
#include "../elementwise/sub.hpp"
#include "../elementwise/where.hpp"
#include "../kernels/of_cotangent.hpp"
#include "../kernels/recurrent/recurrence.hpp"
#include "../layout/concat.hpp"
#include "../layout/reshape.hpp"
#include "../layout/slice.hpp"
#include "../layout/stack.hpp"
#include "../product/bmm.hpp"
#include "../product/sparse_matmul.hpp"
#include "../reduction/sum.hpp"

#include <memory>
#include <utility>

namespace taper {
namespace {

using kernels::Cell, kernels::Recurrence, kernels::RecurrentInputs, kernels::RecurrentStates;

// All that the vector-Jacobian products need. The biases of rnn and lstm are added up beforehand.
struct Layer : RecurrentInputs {
  Recurrence call;

  std::int64_t batch() const { return x.extent(0); }
  std::int64_t steps() const { return x.extent(1); }
  std::int64_t width() const { return state.extent(1); }
};

// Block i of the last axis of x, as wide as the layer.
Tensor block(const Layer& layer, const Tensor& x, int i, int count = 1) {
  return slice(x, -1, i * layer.width(), (i + count) * layer.width());
}
// (batch, steps, …) as a matrix with a row for each step of each sequence.
Tensor rows_of(const Tensor& x) { return reshape(x, {x.extent(0) * x.extent(1), x.extent(2)}); }

// 1 at the steps that `holds`, (batch, steps, 1).
template <class Holds>
Tensor mask_of_steps(const Layer& layer, const Holds& holds) {
  Tensor mask = zeros({layer.batch(), layer.steps(), 1}, layer.x.dtype());
  dispatch(mask.dtype(), [&]<class T>() {
    T* const m = mask.mutable_data<T>();
    for (std::int64_t i = 0; i < layer.batch(); ++i) {
      for (std::int64_t t = 0; t < layer.steps(); ++t)
        m[i * layer.steps() + t] = holds(t, layer.call.lengths[i]);
    }
  });
  return mask.to(layer.x.device());
}

// x W^T and x W for a matrix x, and x^T y where W has elements.
Tensor times(const Tensor& x, const Tensor& weight, const CompressedRows& places) {
  return places ? sparse_matmul(x, places, weight) : mm(x, weight, false, true);
}
Tensor times_transposed(const Tensor& x, const Tensor& weight, const CompressedRows& places) {
  return places ? sparse_matmul(x, places, weight, true) : mm(x, weight);
}
Tensor of_weight(const Tensor& x, const Tensor& y, const CompressedRows& places) {
  return places ? sampled_matmul(x, y, places) : mm(x, y, true, false);
}

// W x + b for all steps, (batch, steps, G width), in public ops.
Tensor project(const Layer& layer) {
  const Tensor product = times(rows_of(layer.x), layer.input_weight, layer.input_places);
  return reshape(product, {layer.batch(), layer.steps(), product.extent(1)}) + layer.input_bias;
}

// The rest of the layer in public ops: for devices without kernels, and for second derivatives.
struct Composition {
  Tensor outputs, cell;  // as the ops return them
  Tensor resets;         // gru's r, (batch, steps, width)
};
Composition compose(const Layer& layer, const Tensor& projected, Tensor h, Tensor cell) {
  const Recurrence& call = layer.call;
  const std::int64_t steps = layer.steps();
  Composition result;
  const bool masks = call.lengths.size() != 0;
  const Tensor is_inside =
      masks ? mask_of_steps(layer, [](auto t, auto length) { return t < length; }) : Tensor();
  const auto row = [](const Tensor& all, std::int64_t t) {
    return reshape(slice(all, 1, t, t + 1), {all.extent(0), all.extent(2)});
  };
  const auto size = static_cast<std::size_t>(steps);
  std::vector<Tensor> outputs(size), resets(size);
  for (std::int64_t step = 0; step < steps; ++step) {
    const std::int64_t t = call.is_reversed ? steps - 1 - step : step;
    const auto place = static_cast<std::size_t>(t);
    const Tensor a = row(projected, t), u = times(h, layer.hidden_weight, layer.hidden_places);
    Tensor next, next_cell;
    if (call.cell == Cell::rnn) {
      next = tanh(a + u);
    } else if (call.cell == Cell::gru) {
      const Tensor v = u + layer.hidden_bias;
      const Tensor r = sigmoid(block(layer, a, 0) + block(layer, v, 0));
      const Tensor z = sigmoid(block(layer, a, 1) + block(layer, v, 1));
      const Tensor n = tanh(block(layer, a, 2) + r * block(layer, v, 2));
      next = n + z * (h - n);
      resets[place] = r;
    } else {
      const Tensor sums = a + u;
      const Tensor in = sigmoid(block(layer, sums, 0)), forget = sigmoid(block(layer, sums, 1));
      next_cell = forget * cell + in * tanh(block(layer, sums, 2));
      next = sigmoid(block(layer, sums, 3)) * tanh(next_cell);
    }
    if (masks) {
      const Tensor here = row(is_inside, t);
      outputs[place] = where(here, next, scalar_like(0, next));
      next = where(here, next, h);
      if (next_cell) next_cell = where(here, next_cell, cell);
    } else {
      outputs[place] = next;
    }
    h = next, cell = next_cell;
  }
  result.outputs = stack(outputs, 1);
  result.cell = cell;
  if (call.cell == Cell::gru) result.resets = stack(resets, 1);
  return result;
}

// What is wanted of a walk back through the steps.
enum class Of { gates, state, cell };

// What the kernel's last walk back found for the edges of one result, until each has taken its own.
struct Walk {
  bool wants_state;
  kernels::OfCotangent<kernels::RecurrentCotangents> found = {};
};

// The cotangent of `of` for one of the outputs or one of the last cell; the other is an empty handle. By the
// kernel, or, if it is recorded to be differentiated again, through the composition.
Tensor walk_back(Of of, const Layer& layer, const RecurrentStates& states, const Tensor& d_outputs,
                 const Tensor& d_cell, Walk& walk) {
  Tape* const tape = Tape::recording();
  if (!tape) {
    const auto take = [&] {
      auto& result = walk.found(d_outputs ? d_outputs : d_cell, [&] {
        return kernels::recur_back(layer.call, states, layer, d_outputs, d_cell, walk.wants_state);
      });
      return std::exchange(of == Of::gates ? result.gates : of == Of::state ? result.state : result.cell, {});
    };
    if (Tensor found = take()) return found;
    walk.found.forget();  // taken before: the walk goes through a graph that was kept once more
    return take();
  }
  // New handles: the state may be one tensor with another argument.
  const auto alias = [](const Tensor& x) { return x ? reshape(x, x.shape()) : Tensor(); };
  const Tensor state = alias(layer.state), cell = alias(layer.cell);
  Tensor projected = project(layer);
  if (!Tape::tracks(projected)) projected.requires_grad();
  const Composition again = compose(layer, projected, state, cell);
  const Tensor& input = of == Of::gates ? projected : of == Of::state ? state : cell;
  const Tensor result =
      tape->gradient(d_outputs ? again.outputs : again.cell, {input},
                     {.create_graph = true, .cotangent = d_outputs ? d_outputs : d_cell})[0];
  if (of != Of::gates || layer.call.cell != Cell::gru) return result;
  return concat({result, block(layer, result, 2) * again.resets}, -1);
}

// h before each step, (batch, steps, width).
Tensor states_before(const Layer& layer, const Tensor& outputs) {
  const std::int64_t steps = layer.steps();
  const Tensor state = reshape(layer.state, {layer.batch(), 1, layer.width()});
  if (!layer.call.is_reversed) return concat({state, slice(outputs, 1, 0, steps - 1)}, 1);
  const Tensor shifted = concat({slice(outputs, 1, 1, steps), state}, 1);
  if (layer.call.lengths.size() == 0) return shifted;
  return where(mask_of_steps(layer, [](auto t, auto length) { return t + 1 == length; }), state, shifted);
}

// Records three nodes, the first two of which have the cotangents of the gates' sums:
//   projected = W x,   gates(projected, b, U, c; the outputs),   outputs(gates, state, cell).
// What the outputs owe to each other through U is in the cotangent of the gates, which has come back through
// all later steps.
LstmStates run(const Layer& layer) {
  if (!kernels::has_recurrence(layer.x)) {
    const Composition result = compose(layer, project(layer), layer.state, layer.cell);
    return {result.outputs, result.cell};
  }
  const Recurrence& call = layer.call;
  const bool is_gru = call.cell == Cell::gru;
  const RecurrentStates states = kernels::recur(call, layer);
  const Tensor projected = record(
      call.op, states.projected,
      vjp(layer.x, [w = layer.input_weight, places = layer.input_places, from = layer.x.shape()](
                       const Tensor& da) { return reshape(times_transposed(rows_of(da), w, places), from); }),
      vjp(layer.input_weight, [x = layer.x, places = layer.input_places](
                                  const Tensor& da) { return of_weight(rows_of(da), rows_of(x), places); }),
      vjp(layer.input_bias, [](const Tensor& da) { return sum(rows_of(da), 0); }));
  // The cotangents of U h + c: gru's last block is r times that of n.
  const auto of_hidden = [layer](const Tensor& da) {
    return layer.call.cell == Cell::gru ? concat({block(layer, da, 0, 2), block(layer, da, 3)}, -1) : da;
  };
  auto of_projected =
      vjp(projected, [layer, is_gru](const Tensor& da) { return is_gru ? block(layer, da, 0, 3) : da; });
  auto of_hidden_weight = vjp(layer.hidden_weight, [layer, of_hidden, y = states.outputs](const Tensor& da) {
    return of_weight(rows_of(of_hidden(da)), rows_of(states_before(layer, y)), layer.hidden_places);
  });
  if (is_gru) {
    auto of_bias = vjp(layer.hidden_bias, [of_hidden, sums = layer.hidden_bias.shape()](const Tensor& da) {
      return reshape(of_hidden(sum(da, {0, 1}, true)), sums);
    });
    record(call.op, states.gates, std::move(of_projected), std::move(of_hidden_weight), std::move(of_bias));
  } else {
    record(call.op, states.gates, std::move(of_projected), std::move(of_hidden_weight));
  }
  RecurrentStates kept = states;  // without what the way back does not read
  kept.projected = Tensor();
  if (call.cell == Cell::rnn) kept.gates = Tensor();
  const auto new_walk = [&] { return std::make_shared<Walk>(Walk{Tape::tracks(layer.state)}); };
  const auto edge = [&, walk = new_walk()](Of of, const Tensor& input) {
    return vjp(input, [=](const Tensor& dy) { return walk_back(of, layer, kept, dy, {}, *walk); });
  };
  auto of_gates = edge(Of::gates, states.gates), of_state = edge(Of::state, layer.state);
  if (call.cell != Cell::lstm)
    return {record(call.op, states.outputs, std::move(of_gates), std::move(of_state)), {}};
  const auto cell_edge = [&, walk = new_walk()](Of of, const Tensor& input) {
    return vjp(input, [=](const Tensor& dc) { return walk_back(of, layer, kept, {}, dc, *walk); });
  };
  return {
      record(call.op, states.outputs, std::move(of_gates), std::move(of_state), edge(Of::cell, layer.cell)),
      record(call.op, states.last_cell, cell_edge(Of::gates, states.gates), cell_edge(Of::state, layer.state),
             cell_edge(Of::cell, layer.cell))};
}

// The layer, once all arguments fit. `cell` is null but for lstm.
Layer checked_layer(const char* op, Cell kind, const Tensor& x, const Tensor& state, const Tensor* cell,
                    const RecurrentWeights& weights, const RecurrenceOptions& options) {
  check_given(op, "x", x, "state", state);
  if (cell) check_given(op, "cell", *cell);
  check_given(op, "weights.input", weights.input, "weights.hidden", weights.hidden);
  check_given(op, "weights.input_bias", weights.input_bias, "weights.hidden_bias", weights.hidden_bias);
  if (x.rank() != 3 || x.extent(1) == 0 || x.extent(2) == 0)
    fail(op, "x must be (batch, steps, inputs) with at least one step and input, got shape ", x.shape());
  const CompressedRows& places = weights.hidden_places;
  const Shape hidden_shape = places ? Shape{places.rows(), places.columns()} : weights.hidden.shape();
  if (hidden_shape.size() != 2 || hidden_shape[1] == 0)
    fail(op, "weights.hidden must be (gates * width, width), got shape ", hidden_shape);
  const std::int64_t batch = x.extent(0), width = hidden_shape[1], sums = kernels::gate_count(kind) * width;
  const auto check = [&](const char* name, const Tensor& tensor, const Shape& shape) {
    check_same_device(op, "x", x, name, tensor);
    if (!(tensor.shape() == shape) || tensor.dtype() != x.dtype()) {
      fail(op, name, " must be ", x.dtype(), " of shape ", shape, " for x of shape ", x.shape(),
           " and a width of ", width, ", got ", tensor.dtype(), " ", tensor.shape());
    }
  };
  const auto check_weight = [&](const char* name, const Tensor& tensor, const CompressedRows& stored,
                                const Shape& shape) {
    if (stored && !(Shape{stored.rows(), stored.columns()} == shape)) {
      fail(op, name, "_places must be of a matrix ", shape, ", got one of ",
           Shape{stored.rows(), stored.columns()});
    }
    check(name, tensor, stored ? Shape{stored.size()} : shape);
  };
  check_weight("weights.hidden", weights.hidden, places, {sums, width});
  check_weight("weights.input", weights.input, weights.input_places, {sums, x.extent(2)});
  check("weights.input_bias", weights.input_bias, {sums});
  check("weights.hidden_bias", weights.hidden_bias, {sums});
  check("state", state, {batch, width});
  if (cell) check("cell", *cell, {batch, width});
  if (options.lengths.size() != 0 && !(options.lengths.shape() == Shape{batch}))
    fail(op, "lengths must be one for each of ", batch, " sequences, got ", options.lengths.shape());
  for (std::int64_t i = 0; i < options.lengths.size(); ++i) {
    if (options.lengths[i] < 1 || options.lengths[i] > x.extent(1)) {
      fail(op, "lengths[", i, "] must lie in [1, ", x.extent(1), "], x's steps; got ", options.lengths[i]);
    }
  }
  const bool is_gru = kind == Cell::gru;
  return {{.x = x,
           .input_weight = weights.input,
           .hidden_weight = weights.hidden,
           .input_bias = is_gru ? weights.input_bias : weights.input_bias + weights.hidden_bias,
           .hidden_bias = is_gru ? weights.hidden_bias : Tensor(),
           .state = state,
           .cell = cell ? *cell : Tensor(),
           .input_places = weights.input_places,
           .hidden_places = weights.hidden_places},
          {op, kind, options.reverse, options.lengths}};
}

}  // namespace

Tensor rnn(const Tensor& x, const Tensor& state, const RecurrentWeights& weights,
           const RecurrenceOptions& options) {
  return run(checked_layer("rnn", Cell::rnn, x, state, nullptr, weights, options)).outputs;
}

Tensor gru(const Tensor& x, const Tensor& state, const RecurrentWeights& weights,
           const RecurrenceOptions& options) {
  return run(checked_layer("gru", Cell::gru, x, state, nullptr, weights, options)).outputs;
}

LstmStates lstm(const Tensor& x, const Tensor& state, const Tensor& cell, const RecurrentWeights& weights,
                const RecurrenceOptions& options) {
  return run(checked_layer("lstm", Cell::lstm, x, state, &cell, weights, options));
}

}  // namespace taper
