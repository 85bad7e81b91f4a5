// rnn, gru and lstm: one direction of a recurrent layer, over all steps of a batch of sequences.
#pragma once

#include "../../core/compressed_rows.hpp"
#include "../../core/indices.hpp"
#include "../../core/tensor.hpp"

namespace taper {

// As PyTorch lays them out. G is 1 for rnn, 3 for gru (r, z, n one below the other), 4 for lstm (i, f, g, o).
struct RecurrentWeights {
  Tensor input;                    // W (G width, inputs)
  Tensor hidden;                   // U (G width, width)
  Tensor input_bias, hidden_bias;  // b, c (G width)
  // If they are given, the tensors above have the stored elements of W or U, (count), at these places, as in
  // sparse_matmul: all products, forward and backward, are with those alone.
  CompressedRows input_places = {}, hidden_places = {};
};

struct RecurrenceOptions {
  bool reverse = false;  // from the last step of each sequence to its first
  // How many steps each sequence has, one number for each, at least 1. Beyond them x is without effect as long
  // as it is finite, and the outputs are 0. By default all have all of x's steps.
  Indices lengths = std::vector<std::int64_t>();
};

// h_t for each step of x (batch, steps, inputs), as (batch, steps, width), from h = state (batch, width)
// before the first one. Here a * b is taken element by element.
//
//   rnn:  h' = tanh(W x + b + U h + c)
//   gru:  r = sigmoid(W_r x + b_r + U_r h + c_r),   z = sigmoid(W_z x + b_z + U_z h + c_z)
//         n = tanh(W_n x + b_n + r * (U_n h + c_n)),   h' = (1 - z) * n + z * h
//   lstm: i, f, o = sigmoid(W x + b + U h + c) and g = tanh(W_g x + b_g + U_g h + c_g) likewise
//         cell' = f * cell + i * g,   h' = o * tanh(cell')
//
// All are float32 or all float64. The results are bitwise the same for any number of threads. Throws if a
// shape does not fit, if there is no step, or if a length does not lie in [1, steps]. docs/ops/recurrent.md
// has the vector-Jacobian products.
//
// Sources: Elman, Finding Structure in Time, Cognitive Science 14 (1990); Cho et al., arXiv 1406.1078, with
// the reset gate behind the product, as cuDNN and PyTorch have it; Hochreiter and Schmidhuber, Long Short-Term
// Memory, Neural Computation 9 (1997), with the forget gate of Gers, Schmidhuber and Cummins (2000).
Tensor rnn(const Tensor& x, const Tensor& state, const RecurrentWeights& weights,
           const RecurrenceOptions& options = {});
Tensor gru(const Tensor& x, const Tensor& state, const RecurrentWeights& weights,
           const RecurrenceOptions& options = {});

struct LstmStates {
  Tensor outputs;  // (batch, steps, width)
  Tensor cell;     // (batch, width), after the last step of each sequence
};
LstmStates lstm(const Tensor& x, const Tensor& state, const Tensor& cell, const RecurrentWeights& weights,
                const RecurrenceOptions& options = {});

}  // namespace taper
