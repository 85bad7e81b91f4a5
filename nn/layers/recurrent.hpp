// Rnn, Gru and Lstm: recurrent layers over batches of sequences.
#pragma once

#include "../../core/indices.hpp"
#include "../../core/random.hpp"
#include "../../ops/recurrent/recurrent.hpp"
#include "../module.hpp"

namespace taper::nn {

struct RecurrentOptions {
  std::int64_t layers = 1;     // one on top of the other: each reads the outputs of the one below
  bool bidirectional = false;  // each layer twice, once from the last step to the first
  bool bias = true;
  DType dtype = float32;
};

// What Rnn, Gru and Lstm have in common. Below, directions is 1, or 2 if it is bidirectional.
class Recurrent : public Module {
 public:
  void list(Parts& parts) const override;
  // From here on, each W and U consists of the elements that are not 0 now, and its products, forward and
  // backward, of those alone. They are new parameters, which an optimizer has to be given. What state_dict()
  // holds stays the same.
  void compress();

  // Of each layer and direction: layer 0, layer 0 reversed, layer 1, … Listed under PyTorch's names and in
  // its layout: weight_ih_l0 (G width, inputs), weight_hh_l0, bias_ih_l0, bias_hh_l0, weight_ih_l0_reverse, …
  // Without biases these are empty handles.
  std::vector<RecurrentWeights> weights;

 protected:
  // `gates` is the op's G. Throws unless inputs, width and layers are at least 1.
  Recurrent(const char* name, std::int64_t gates, std::int64_t inputs, std::int64_t width,
            Generator& generator, const RecurrentOptions& options);

  struct Pass {
    Tensor outputs;
    std::vector<Tensor> directions, cells;  // of each layer and direction
  };
  // Through all layers. state and cell may be empty handles.
  Pass pass(const Tensor& x, const Tensor& state, const Tensor& cell, const Indices& lengths) const;
  // The states after the last step of each sequence, (layers * directions, batch, width).
  Tensor last_states(const Pass& pass, const Indices& lengths) const;

 private:
  const char* name_;
  std::int64_t gates_, inputs_, width_;
  bool is_bidirectional_;
};

// How to run over some sequences. By default they start from zeros, and each has all of x's steps.
struct SequenceOptions {
  Tensor state = {};  // (layers * directions, batch, width)
  // How many steps each sequence has; beyond them the outputs are 0. The reversed direction begins at a
  // sequence's own last step.
  Indices lengths = std::vector<std::int64_t>();
};
struct SequenceResult {
  Tensor outputs;  // (batch, steps, directions * width)
  Tensor state;    // (layers * directions, batch, width), after the last step of each sequence
};

// h' = tanh(W x + b + U h + c) at each step of x (batch, steps, inputs), with outputs (batch, steps,
// directions * width): the op rnn. All weights and biases start uniform in [-1/sqrt(width), 1/sqrt(width)).
class Rnn : public Recurrent {
 public:
  // Throws unless inputs, width and layers are at least 1.
  Rnn(std::int64_t inputs, std::int64_t width, Generator& generator, const RecurrentOptions& options = {})
      : Recurrent("Rnn", 1, inputs, width, generator, options) {}
  Rnn(std::int64_t inputs, std::int64_t width, const RecurrentOptions& options = {})
      : Rnn(inputs, width, default_generator(), options) {}

  // The outputs. Throws if x does not fit the layer or has no step.
  Tensor operator()(const Tensor& x) const { return pass(x, {}, {}, {}).outputs; }
  // The outputs and the last states. Throws if an option does not fit, too.
  SequenceResult run(const Tensor& x, const SequenceOptions& options = {}) const;
};

// The same with the gated recurrent unit, the op gru.
class Gru : public Recurrent {
 public:
  Gru(std::int64_t inputs, std::int64_t width, Generator& generator, const RecurrentOptions& options = {})
      : Recurrent("Gru", 3, inputs, width, generator, options) {}
  Gru(std::int64_t inputs, std::int64_t width, const RecurrentOptions& options = {})
      : Gru(inputs, width, default_generator(), options) {}

  Tensor operator()(const Tensor& x) const { return pass(x, {}, {}, {}).outputs; }
  SequenceResult run(const Tensor& x, const SequenceOptions& options = {}) const;
};

struct LstmOptions {
  Tensor state = {}, cell = {};  // (layers * directions, batch, width)
  Indices lengths = std::vector<std::int64_t>();
};
struct LstmResult {
  Tensor outputs;      // (batch, steps, directions * width)
  Tensor state, cell;  // (layers * directions, batch, width), after the last step of each sequence
};

// The same with long short-term memory, the op lstm, which has a cell besides the state.
class Lstm : public Recurrent {
 public:
  Lstm(std::int64_t inputs, std::int64_t width, Generator& generator, const RecurrentOptions& options = {})
      : Recurrent("Lstm", 4, inputs, width, generator, options) {}
  Lstm(std::int64_t inputs, std::int64_t width, const RecurrentOptions& options = {})
      : Lstm(inputs, width, default_generator(), options) {}

  Tensor operator()(const Tensor& x) const { return pass(x, {}, {}, {}).outputs; }
  LstmResult run(const Tensor& x, const LstmOptions& options = {}) const;
};

}  // namespace taper::nn
