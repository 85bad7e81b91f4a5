// The loop over the steps: a block of sequences runs through all of them on one thread, so that threads meet
// only at the end. The gates are compiled for each instruction set.
// foreach_target.h includes this file again, and the order matters:
// clang-format off
#include "../simd.hpp"
#define HWY_TARGET_INCLUDE "taper/ops/kernels/recurrent/recurrence.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include "../elementwise/elementary-inl.hpp"
#include "../vectors-inl.hpp"
// clang-format on

#include "recurrence.hpp"

#include "../../../core/memory/pool.hpp"
#include "../../../core/threads.hpp"
#include "../backend.hpp"
#include "../product/row_product.hpp"
#include "../product/sparse_product.hpp"
#include "../product/tile_product.hpp"

#include <algorithm>
#include <variant>

#ifndef TAPER_RECURRENCE
#define TAPER_RECURRENCE
namespace taper::kernels {

// One step of a block of sequences. Pointers point at the step's row of the first sequence; in tensors that
// have all steps, the next sequence's row is `steps` rows further.
struct RecurrentBlock {
  Cell cell;
  bool is_reversed;
  std::int64_t t, steps, rows, n;
  const std::int64_t* lengths;
};
template <class T>
struct ForwardStep : RecurrentBlock {
  const T* projected;
  const T* input_bias;
  const T* hidden_bias;
  const T* hidden;  // (rows, G n): U h
  T* outputs;
  T* gates;
  T* cells;
  T* h;  // (rows, n): before the step, and then after it
  T* c;
};
template <class T>
struct BackwardStep : RecurrentBlock {
  const T* outputs;
  const T* gates;
  const T* cells;
  const T* first_h;  // (rows, n): before the first step
  const T* first_c;
  const T* dy;  // may be null
  T* dh;        // (rows, n): of the state after the step, and then of that before it, without what U h adds
  T* dc;
  T* d_hidden;  // (rows, G n): of U h
  T* d_gates;
};

}  // namespace taper::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace taper::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class D, class V>
HWY_INLINE V sigmoid(D d, V x) {
  return apply(functions::Sigmoid(), d, x);
}
template <class D, class V>
HWY_INLINE V tanh(D d, V x) {
  return apply(functions::Tanh(), d, x);
}
// a (1 - a), the slope of sigmoid at its value a, and that of tanh, 1 - a^2.
template <class D, class V>
HWY_INLINE V sigmoid_slope(D, V a) {
  return hn::NegMulAdd(a, a, a);
}
template <class D, class V>
HWY_INLINE V tanh_slope(D d, V a) {
  return hn::NegMulAdd(a, a, hn::Set(d, hn::TFromD<D>{1}));
}

template <class T>
void forward(const ForwardStep<T>& s) {
  const std::int64_t n = s.n, gates = gate_count(s.cell);
  for (std::int64_t row = 0; row < s.rows; ++row) {
    const T* const x = s.projected + row * s.steps * gates * n;
    const T* const u = s.hidden + row * gates * n;
    T* const y = s.outputs + row * s.steps * n;
    T* const h = s.h + row * n;
    T* const a = s.gates ? s.gates + row * s.steps * 4 * n : nullptr;  // rnn has none
    if (s.t >= s.lengths[row]) {  // nothing happens, and no one reads the gates
      std::fill_n(y, n, T{0});
      if (s.cell == Cell::gru) std::fill_n(a, 4 * n, T{0});
      if (s.cell == Cell::lstm) std::fill_n(s.cells + row * s.steps * n, n, T{0});
      continue;
    }
    // x + b of a gate, for elements i and on.
    const auto input = [=](auto d, std::int64_t gate, std::int64_t i) HWY_ATTR {
      return hn::Add(hn::LoadU(d, x + gate * n + i), hn::LoadU(d, s.input_bias + gate * n + i));
    };
    const auto hidden = [=](auto d, std::int64_t gate, std::int64_t i)
                            HWY_ATTR { return hn::LoadU(d, u + gate * n + i); };
    if (s.cell == Cell::rnn) {
      for_each_vector<T>(n, [=](auto d, std::int64_t i) HWY_ATTR {
        const auto next = tanh(d, hn::Add(input(d, 0, i), hidden(d, 0, i)));
        hn::StoreU(next, d, h + i);
        hn::StoreU(next, d, y + i);
      });
    } else if (s.cell == Cell::gru) {
      for_each_vector<T>(n, [=](auto d, std::int64_t i) HWY_ATTR {
        const auto with_bias = [=](std::int64_t gate) HWY_ATTR {
          return hn::Add(hidden(d, gate, i), hn::LoadU(d, s.hidden_bias + gate * n + i));
        };
        const auto r = sigmoid(d, hn::Add(input(d, 0, i), with_bias(0)));
        const auto z = sigmoid(d, hn::Add(input(d, 1, i), with_bias(1)));
        const auto v = with_bias(2);
        const auto candidate = tanh(d, hn::MulAdd(r, v, input(d, 2, i)));
        const auto next = hn::MulAdd(z, hn::Sub(hn::LoadU(d, h + i), candidate), candidate);
        hn::StoreU(r, d, a + i);
        hn::StoreU(z, d, a + n + i);
        hn::StoreU(candidate, d, a + 2 * n + i);
        hn::StoreU(v, d, a + 3 * n + i);
        hn::StoreU(next, d, h + i);
        hn::StoreU(next, d, y + i);
      });
    } else {
      T* const c = s.c + row * n;
      T* const cells = s.cells + row * s.steps * n;
      for_each_vector<T>(n, [=](auto d, std::int64_t i) HWY_ATTR {
        const auto sum = [=](std::int64_t gate)
                             HWY_ATTR { return hn::Add(input(d, gate, i), hidden(d, gate, i)); };
        const auto in = sigmoid(d, sum(0)), forget = sigmoid(d, sum(1)), out = sigmoid(d, sum(3));
        const auto candidate = tanh(d, sum(2));
        const auto cell = hn::MulAdd(forget, hn::LoadU(d, c + i), hn::Mul(in, candidate));
        const auto next = hn::Mul(out, tanh(d, cell));
        hn::StoreU(in, d, a + i);
        hn::StoreU(forget, d, a + n + i);
        hn::StoreU(candidate, d, a + 2 * n + i);
        hn::StoreU(out, d, a + 3 * n + i);
        hn::StoreU(cell, d, c + i);
        hn::StoreU(cell, d, cells + i);
        hn::StoreU(next, d, h + i);
        hn::StoreU(next, d, y + i);
      });
    }
  }
}

template <class T>
void backward(const BackwardStep<T>& s) {
  const std::int64_t n = s.n, gates = gate_count(s.cell);
  const std::int64_t stored = s.cell == Cell::rnn ? 1 : 4;  // of a step's cotangents
  for (std::int64_t row = 0; row < s.rows; ++row) {
    const T* const y = s.outputs + row * s.steps * n;
    const T* const a = s.gates ? s.gates + row * s.steps * 4 * n : nullptr;
    T* const da = s.d_gates + row * s.steps * stored * n;
    T* const du = s.d_hidden + row * gates * n;
    T* const dh = s.dh + row * n;
    if (s.t >= s.lengths[row]) {
      std::fill_n(da, stored * n, T{0});
      std::fill_n(du, gates * n, T{0});
      continue;
    }
    const bool is_first = s.is_reversed ? s.t + 1 == s.lengths[row] : s.t == 0;
    const std::int64_t before = s.is_reversed ? n : -n;  // from a step's row to that of the step before
    const T* const dy = s.dy ? s.dy + row * s.steps * n : nullptr;
    const auto cotangent = [=](auto d, std::int64_t i) HWY_ATTR {
      const auto later = hn::LoadU(d, dh + i);
      return dy ? hn::Add(later, hn::LoadU(d, dy + i)) : later;
    };
    const auto store_both = [=](auto d, auto value, std::int64_t i) HWY_ATTR {
      hn::StoreU(value, d, da + i);
      hn::StoreU(value, d, du + i);
    };
    if (s.cell == Cell::rnn) {
      for_each_vector<T>(n, [=](auto d, std::int64_t i) HWY_ATTR {
        store_both(d, hn::Mul(cotangent(d, i), tanh_slope(d, hn::LoadU(d, y + i))), i);
        hn::StoreU(hn::Zero(d), d, dh + i);
      });
    } else if (s.cell == Cell::gru) {
      const T* const h = is_first ? s.first_h + row * n : y + before;
      for_each_vector<T>(n, [=](auto d, std::int64_t i) HWY_ATTR {
        const auto g = cotangent(d, i), r = hn::LoadU(d, a + i), z = hn::LoadU(d, a + n + i);
        const auto candidate = hn::LoadU(d, a + 2 * n + i), v = hn::LoadU(d, a + 3 * n + i);
        const auto dz = hn::Mul(g, hn::Sub(hn::LoadU(d, h + i), candidate));
        const auto through = hn::Mul(g, z);
        const auto dn = hn::Mul(hn::Sub(g, through), tanh_slope(d, candidate));
        store_both(d, hn::Mul(hn::Mul(dn, v), sigmoid_slope(d, r)), i);
        store_both(d, hn::Mul(dz, sigmoid_slope(d, z)), n + i);
        const auto dv = hn::Mul(dn, r);
        hn::StoreU(dn, d, da + 2 * n + i);
        hn::StoreU(dv, d, da + 3 * n + i);
        hn::StoreU(dv, d, du + 2 * n + i);
        hn::StoreU(through, d, dh + i);
      });
    } else {
      const T* const cells = s.cells + row * s.steps * n;
      const T* const c = is_first ? s.first_c + row * n : cells + before;
      T* const dc = s.dc + row * n;
      for_each_vector<T>(n, [=](auto d, std::int64_t i) HWY_ATTR {
        const auto in = hn::LoadU(d, a + i), forget = hn::LoadU(d, a + n + i);
        const auto candidate = hn::LoadU(d, a + 2 * n + i), out = hn::LoadU(d, a + 3 * n + i);
        const auto g = cotangent(d, i), shown = tanh(d, hn::LoadU(d, cells + i));
        const auto of_cell = hn::MulAdd(hn::Mul(g, out), tanh_slope(d, shown), hn::LoadU(d, dc + i));
        store_both(d, hn::Mul(hn::Mul(of_cell, candidate), sigmoid_slope(d, in)), i);
        store_both(d, hn::Mul(hn::Mul(of_cell, hn::LoadU(d, c + i)), sigmoid_slope(d, forget)), n + i);
        store_both(d, hn::Mul(hn::Mul(of_cell, in), tanh_slope(d, candidate)), 2 * n + i);
        store_both(d, hn::Mul(hn::Mul(g, shown), sigmoid_slope(d, out)), 3 * n + i);
        hn::StoreU(hn::Mul(of_cell, forget), d, dc + i);
        hn::StoreU(hn::Zero(d), d, dh + i);
      });
    }
  }
}

TAPER_NAME_BOTH(forward);
TAPER_NAME_BOTH(backward);

}  // namespace taper::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::kernels {
namespace {

TAPER_EXPORT_BOTH(forward);
TAPER_EXPORT_BOTH(backward);

// Sequences that one thread takes at a time.
constexpr std::int64_t block_rows = 16;
// Steps whose products with W are computed at a time.
constexpr std::int64_t product_rows = 64;

// Calls body(first, rows) for blocks of sequences, on several threads.
template <class Body>
void for_each_block(std::int64_t batch, const Body& body) {
  parallel_for((batch + block_rows - 1) / block_rows, [&](std::int64_t block) {
    const std::int64_t first = block * block_rows;
    body(first, std::min(block_rows, batch - first));
  });
}

internal::PoolVector<std::int64_t> lengths_of(const Recurrence& call, std::int64_t batch,
                                              std::int64_t steps) {
  internal::PoolVector<std::int64_t> lengths(static_cast<std::size_t>(batch), steps);
  for (std::int64_t i = 0; i < call.lengths.size(); ++i)
    lengths[static_cast<std::size_t>(i)] = call.lengths[i];
  return lengths;
}

// A weight (outputs, inputs) of the layer as a factor of products: packed, if they have more than a few rows in all, or as
// it stands, or in compressed rows.
template <class T>
class Factor {
 public:
  Factor(const char* op, const Tensor& weight, const CompressedRows& places, bool transposes,
         std::int64_t rows) {
    constexpr std::int64_t few = 8;
    const T* const w = weight.data<T>();
    if (places) {
      factor_ = SparseFactor<T>{places, w, transposes};
      return;
    }
    const std::int64_t outputs = weight.extent(0), inputs = weight.extent(1);
    if (rows <= few) {
      factor_ = StandingMatrix<T>{outputs, inputs, w, transposes};
    } else if (transposes) {
      factor_ = PackedMatrix<T>(op, outputs, inputs, w, inputs, 1, true);
    } else {
      factor_ = PackedMatrix<T>(op, inputs, outputs, w, 1, inputs, false);
    }
  }
  // C = A weight^T, or C += A weight if it `transposes`, for A with so many rows.
  void multiply(std::int64_t rows, const T* a, T* c) const {
    std::visit([&](const auto& factor) { factor.multiply(rows, a, c); }, factor_);
  }

 private:
  std::variant<StandingMatrix<T>, PackedMatrix<T>, SparseFactor<T>> factor_;
};

template <class T>
internal::PoolVector<T> room(std::int64_t size) {
  return internal::PoolVector<T>(static_cast<std::size_t>(size), T{0});
}

}  // namespace

bool has_recurrence(const Tensor& x) { return !backend_of(x); }

RecurrentStates recur(const Recurrence& call, const RecurrentInputs& inputs) {
  const std::int64_t batch = inputs.x.extent(0), steps = inputs.x.extent(1), width = inputs.x.extent(2);
  const std::int64_t n = inputs.state.extent(1), gates = gate_count(call.cell), sums = gates * n;
  const bool is_lstm = call.cell == Cell::lstm;
  const auto make = [&](const Shape& shape) {
    return Tensor::uninitialized(call.op, shape, inputs.x.dtype());
  };
  RecurrentStates states;
  states.projected = make({batch, steps, sums}), states.outputs = make({batch, steps, n});
  states.gates =
      call.cell == Cell::gru ? make({batch, steps, 4 * n}) : states.projected.view({batch, steps, sums});
  if (is_lstm) states.cells = make({batch, steps, n}), states.last_cell = make({batch, n});
  const auto lengths = lengths_of(call, batch, steps);
  dispatch(inputs.x.dtype(), [&]<class T>() {
    const Factor<T> input_weight(call.op, inputs.input_weight, inputs.input_places, false, batch * steps);
    const Factor<T> weight(call.op, inputs.hidden_weight, inputs.hidden_places, false, batch * steps);
    T* const projected = states.projected.mutable_data<T>();
    T *const outputs = states.outputs.mutable_data<T>(), *const gate_values = states.gates.mutable_data<T>();
    T* const cells = is_lstm ? states.cells.mutable_data<T>() : nullptr;
    T* const last_cell = is_lstm ? states.last_cell.mutable_data<T>() : nullptr;
    for_each_block(batch, [&](std::int64_t first, std::int64_t rows) {
      auto h = room<T>(rows * n), c = room<T>(is_lstm ? rows * n : 0), hidden = room<T>(rows * sums);
      std::copy_n(inputs.state.data<T>() + first * n, rows * n, h.data());
      if (is_lstm) std::copy_n(inputs.cell.data<T>() + first * n, rows * n, c.data());
      for (std::int64_t row = first * steps; row < (first + rows) * steps; row += product_rows) {
        input_weight.multiply(std::min(product_rows, (first + rows) * steps - row),
                              inputs.x.data<T>() + row * width, projected + row * sums);
      }
      ForwardStep<T> s{};
      s.cell = call.cell, s.is_reversed = call.is_reversed, s.steps = steps, s.n = n, s.rows = rows;
      s.lengths = lengths.data() + first;
      s.input_bias = inputs.input_bias.data<T>();
      if (inputs.hidden_bias) s.hidden_bias = inputs.hidden_bias.data<T>();
      s.hidden = hidden.data(), s.h = h.data(), s.c = c.data();
      for (std::int64_t step = 0; step < steps; ++step) {
        s.t = call.is_reversed ? steps - 1 - step : step;
        const std::int64_t at = first * steps + s.t;
        s.projected = projected + at * sums;
        s.outputs = outputs + at * n;
        if (gates > 1) s.gates = gate_values + at * 4 * n;
        if (is_lstm) s.cells = cells + at * n;
        weight.multiply(rows, h.data(), hidden.data());
        forward<T>(s);
      }
      if (is_lstm) std::copy_n(c.data(), rows * n, last_cell + first * n);
    });
  });
  return states;
}

RecurrentCotangents recur_back(const Recurrence& call, const RecurrentStates& states,
                               const RecurrentInputs& inputs, const Tensor& d_outputs,
                               const Tensor& d_last_cell, bool wants_state) {
  const Tensor& y = states.outputs;
  const std::int64_t batch = y.extent(0), steps = y.extent(1), n = y.extent(2), gates = gate_count(call.cell);
  const bool is_lstm = call.cell == Cell::lstm;
  const std::int64_t stored = call.cell == Cell::rnn ? 1 : 4;
  const auto make = [&](const Shape& shape) { return Tensor::uninitialized(call.op, shape, y.dtype()); };
  RecurrentCotangents result{
      .gates = make({batch, steps, stored * n}), .state = make({batch, n}), .cell = {}};
  if (is_lstm) result.cell = make({batch, n});
  const auto lengths = lengths_of(call, batch, steps);
  dispatch(y.dtype(), [&]<class T>() {
    const Factor<T> weight(call.op, inputs.hidden_weight, inputs.hidden_places, true, batch * steps);
    T* const d_state = result.state.mutable_data<T>();
    T* const d_cell = is_lstm ? result.cell.mutable_data<T>() : nullptr;
    T* const d_gates = result.gates.mutable_data<T>();
    for_each_block(batch, [&](std::int64_t first, std::int64_t rows) {
      auto dh = room<T>(rows * n), dc = room<T>(is_lstm ? rows * n : 0), d_hidden = room<T>(rows * gates * n);
      if (d_last_cell) std::copy_n(d_last_cell.data<T>() + first * n, rows * n, dc.data());
      BackwardStep<T> s{};
      s.cell = call.cell, s.is_reversed = call.is_reversed, s.steps = steps, s.n = n, s.rows = rows;
      s.lengths = lengths.data() + first;
      s.first_h = inputs.state.data<T>() + first * n;
      if (is_lstm) s.first_c = inputs.cell.data<T>() + first * n;
      s.dh = dh.data(), s.dc = dc.data(), s.d_hidden = d_hidden.data();
      for (std::int64_t step = 0; step < steps; ++step) {
        s.t = call.is_reversed ? step : steps - 1 - step;
        const std::int64_t at = first * steps + s.t;
        s.outputs = y.data<T>() + at * n;
        if (gates > 1) s.gates = states.gates.data<T>() + at * 4 * n;
        if (is_lstm) s.cells = states.cells.data<T>() + at * n;
        s.dy = d_outputs ? d_outputs.data<T>() + at * n : nullptr;
        s.d_gates = d_gates + at * stored * n;
        backward<T>(s);
        if (step + 1 < steps || wants_state) weight.multiply(rows, d_hidden.data(), dh.data());
      }
      std::copy_n(dh.data(), rows * n, d_state + first * n);
      if (is_lstm) std::copy_n(dc.data(), rows * n, d_cell + first * n);
    });
  });
  return result;
}

}  // namespace taper::kernels
#endif
