// The loop over the steps of a recurrent layer, forward and back: what rnn, gru and lstm are made of.
#pragma once

#include "../../../core/compressed_rows.hpp"
#include "../../../core/indices.hpp"
#include "../../../core/tensor.hpp"

namespace taper::kernels {

enum class Cell { rnn, gru, lstm };

// How many gates have weights: G below.
inline std::int64_t gate_count(Cell cell) { return cell == Cell::rnn ? 1 : cell == Cell::gru ? 3 : 4; }

// One direction of a layer: batch b, steps t, width n.
struct Recurrence {
  const char* op;
  Cell cell;
  bool is_reversed;  // the last step comes first
  Indices lengths;   // (b), how many steps each sequence has; empty: all of them
};

// Does the device of x have these kernels? Without them the ops are composed of others.
bool has_recurrence(const Tensor& x);

// All but hidden_bias, which gru alone has, are given; cell is lstm's.
struct RecurrentInputs {
  Tensor x;                        // (b, t, inputs)
  Tensor input_weight;             // W (G n, inputs)
  Tensor hidden_weight;            // U (G n, n)
  Tensor input_bias, hidden_bias;  // (G n)
  Tensor state, cell;              // (b, n), before the first step
  // Given if W or U is in compressed rows, and the tensor above has its stored elements.
  CompressedRows input_places, hidden_places;
};

struct RecurrentStates {
  Tensor projected;  // (b, t, G n): W x of each step. lstm has its gates in the same memory.
  Tensor outputs;    // (b, t, n): h after each step, 0 beyond a sequence's length
  Tensor gates;      // (b, t, 4 n): r, z, n and U_n h + c_n of gru; i, f, g, o of lstm. For rnn (b, t, n).
  Tensor cells;      // (b, t, n): lstm's c after each step
  Tensor last_cell;  // (b, n): and after the last one
};
// Runs through all steps. There must be at least one, and at least one input.
RecurrentStates recur(const Recurrence& call, const RecurrentInputs& inputs);

struct RecurrentCotangents {
  Tensor gates;        // (b, t, n), (b, t, 4 n): of the sums in the gates: tanh's, r's, z's, …
  Tensor state, cell;  // (b, n)
};
// The same backwards, for cotangents of the outputs or of the last cell; the other is an empty handle. For
// gru the last of the four is that of U_n h + c_n. `state` is right only if the caller wants it.
RecurrentCotangents recur_back(const Recurrence& call, const RecurrentStates& states,
                               const RecurrentInputs& inputs, const Tensor& d_outputs,
                               const Tensor& d_last_cell, bool wants_state);

}  // namespace taper::kernels
