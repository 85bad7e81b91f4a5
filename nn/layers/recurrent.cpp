// Rnn, Gru and Lstm: initialisation, and the calls of the ops layer by layer.
#include "recurrent.hpp"

#include "../../core/create.hpp"
#include "../../core/fail.hpp"
#include "../../ops/layout/concat.hpp"
#include "../../ops/layout/gather.hpp"
#include "../../ops/layout/reshape.hpp"
#include "../../ops/layout/slice.hpp"
#include "../../ops/layout/stack.hpp"
#include "compressed.hpp"

#include <cmath>
#include <string>
#include <tuple>

namespace taper::nn {

Recurrent::Recurrent(const char* name, std::int64_t gates, std::int64_t inputs, std::int64_t width,
                     Generator& generator, const RecurrentOptions& options)
    : name_(name), gates_(gates), inputs_(inputs), width_(width), is_bidirectional_(options.bidirectional) {
  if (inputs < 1 || width < 1 || options.layers < 1) {
    fail(name, "wanted at least one input, a width of 1 and one layer, got ", inputs, ", ", width, " and ",
         options.layers);
  }
  const double bound = 1 / std::sqrt(static_cast<double>(width));
  const auto draw = [&](const Shape& shape) {
    return uniform(shape, -bound, bound, generator, options.dtype).requires_grad();
  };
  const std::int64_t directions = options.bidirectional ? 2 : 1, sums = gates * width;
  for (std::int64_t i = 0; i < options.layers * directions; ++i) {
    RecurrentWeights& drawn = weights.emplace_back();
    drawn.input = draw({sums, i < directions ? inputs : directions * width});
    drawn.hidden = draw({sums, width});
    if (options.bias) drawn.input_bias = draw({sums}), drawn.hidden_bias = draw({sums});
  }
}

void Recurrent::list(Parts& parts) const {
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const std::string place = is_bidirectional_
                                  ? "_l" + std::to_string(i / 2) + (i % 2 == 1 ? "_reverse" : "")
                                  : "_l" + std::to_string(i);
    parts.add("weight_ih" + place, weights[i].input, weights[i].input_places);
    parts.add("weight_hh" + place, weights[i].hidden, weights[i].hidden_places);
    if (!weights[i].input_bias) continue;
    parts.add("bias_ih" + place, weights[i].input_bias);
    parts.add("bias_hh" + place, weights[i].hidden_bias);
  }
}

void Recurrent::compress() {
  for (RecurrentWeights& each : weights) {
    if (!each.input_places) std::tie(each.input_places, each.input) = compressed(each.input);
    if (!each.hidden_places) std::tie(each.hidden_places, each.hidden) = compressed(each.hidden);
  }
}

Recurrent::Pass Recurrent::pass(const Tensor& x, const Tensor& state, const Tensor& cell,
                                const Indices& lengths) const {
  check_given(name_, "x", x);
  const Kind kind = weights[0].input.kind();
  if (x.rank() != 3 || x.extent(2) != inputs_ || x.dtype() != kind.dtype)
    fail(name_, "x must be ", kind.dtype, " (batch, steps, ", inputs_, "), got ", x.dtype(), " ", x.shape());
  const std::int64_t batch = x.extent(0), count = static_cast<std::int64_t>(weights.size());
  const auto check = [&](const char* name, const Tensor& before) {
    if (before && (!(before.shape() == Shape{count, batch, width_}) || before.dtype() != kind.dtype)) {
      fail(name_, name, " must be ", kind.dtype, " ", Shape{count, batch, width_}, ", got ", before.dtype(),
           " ", before.shape());
    }
  };
  check("state", state);
  check("cell", cell);
  const Scope scope = Scope::outermost(name_);
  const Tensor no_state = zeros({batch, width_}, kind), no_bias = zeros({gates_ * width_}, kind);
  const std::size_t directions = is_bidirectional_ ? 2 : 1;
  Pass result{x, {}, {}};
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const Tensor& below = result.outputs;  // of the layer below, until all directions have read it
    RecurrentWeights own = weights[i];
    if (!own.input_bias) own.input_bias = own.hidden_bias = no_bias;
    const RecurrenceOptions options{.reverse = i % directions == 1, .lengths = lengths};
    const auto place = static_cast<std::int64_t>(i);
    const Tensor h = state ? state[place] : no_state;
    if (gates_ == 4) {
      auto [outputs, last_cell] = lstm(below, h, cell ? cell[place] : no_state, own, options);
      result.directions.push_back(outputs);
      result.cells.push_back(last_cell);
    } else {
      result.directions.push_back(gates_ == 3 ? gru(below, h, own, options) : rnn(below, h, own, options));
    }
    if (i % directions + 1 == directions) {
      const std::vector<Tensor>& all = result.directions;
      result.outputs = is_bidirectional_ ? concat({all[i - 1], all[i]}, -1) : all[i];
    }
  }
  return result;
}

Tensor Recurrent::last_states(const Pass& pass, const Indices& lengths) const {
  const Tensor& first = pass.directions.front();
  const std::int64_t batch = first.extent(0), steps = first.extent(1);
  std::vector<std::int64_t> places;  // of the last steps, among the rows of all sequences
  for (std::int64_t i = 0; i < lengths.size(); ++i) places.push_back(i * steps + lengths[i] - 1);
  std::vector<Tensor> states;
  for (std::size_t i = 0; i < pass.directions.size(); ++i) {
    const Tensor& outputs = pass.directions[i];
    const bool is_reversed = is_bidirectional_ && i % 2 == 1;
    if (!is_reversed && !places.empty()) {
      states.push_back(gather(reshape(outputs, {batch * steps, width_}), Indices(places)));
    } else {
      const std::int64_t last = is_reversed ? 0 : steps - 1;
      states.push_back(reshape(slice(outputs, 1, last, last + 1), {batch, width_}));
    }
  }
  return stack(states);
}

SequenceResult Rnn::run(const Tensor& x, const SequenceOptions& options) const {
  const Pass all = pass(x, options.state, {}, options.lengths);
  return {all.outputs, last_states(all, options.lengths)};
}

SequenceResult Gru::run(const Tensor& x, const SequenceOptions& options) const {
  const Pass all = pass(x, options.state, {}, options.lengths);
  return {all.outputs, last_states(all, options.lengths)};
}

LstmResult Lstm::run(const Tensor& x, const LstmOptions& options) const {
  const Pass all = pass(x, options.state, options.cell, options.lengths);
  return {all.outputs, last_states(all, options.lengths), stack(all.cells)};
}

}  // namespace taper::nn
