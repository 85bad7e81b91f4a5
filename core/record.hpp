// record: how an op tells the tape what it did. This is all that the author of an op needs to know
// about the engine.
//
//   Tensor square(const Tensor& x) {
//     const Tensor y = kernels::map("square", x, kernels::functions::Square());
//     return record("square", y, vjp(x, [x](const Tensor& dy) { return dy * (2.0 * x); }));
//   }
//
// In place of the functor a program of its own may hand over a lambda, [](auto v) { return v * v; }, which
// runs on the CPU only: docs/adding_an_op.md.
#pragma once

#include "tape.hpp"

#include <array>
#include <functional>
#include <span>
#include <type_traits>
#include <utility>

namespace taper {

// An input of an op, with the vector-Jacobian product with respect to it: a function from the cotangent dy
// (of the result's shape) to the cotangent of the input (of the input's shape).
template <class Function>
struct Vjp {
  const Tensor* input;
  Function function;
};

// If it is written in public ops, the function can itself be differentiated, and gradients of gradients come
// for free. It captures by value what it needs: inputs, or the result, whose history is then followed too.
//
// A function object whose result is zero nearly everywhere may also have a member
//
//   void add_to(Tensor& total, const Tensor& dy) const;
//
// that adds its result to `total`, a tensor of the input's shape and kind that nobody else sees, in place. The
// tape calls it for each use of the input but the first if nothing is recorded meanwhile, so that n slices of
// one tensor need one tensor of zeros and not n.
template <class Function>
Vjp<Function> vjp(const Tensor& input, Function function) {
  return {&input, std::move(function)};
}

namespace internal {
template <class Function>
struct EdgeOf final : Tape::Edge {
  explicit EdgeOf(Function&& f) : function(std::move(f)) {}
  Tensor vjp(const Tensor& cotangent) const override { return function(cotangent); }
  bool add_to([[maybe_unused]] Tensor& total, [[maybe_unused]] const Tensor& cotangent) const override {
    if constexpr (requires { function.add_to(total, cotangent); }) {
      if (!total.is_sole_owner()) total = total.clone();
      function.add_to(total, cotangent);
      return true;
    } else {
      return false;
    }
  }
  std::span<const std::byte> closure() const override { return std::as_bytes(std::span(&function, 1)); }
  void while_copied(const std::function<void()>& f) const override {
    if constexpr (std::is_copy_constructible_v<Function>) {
      [[maybe_unused]] const Function copy(function);
      f();
    }
  }
  Function function;
};

template <class Function>
void add_if_tracked(Tape& tape, Tape::Edge*& edges, std::uint32_t argument, Vjp<Function>& vjp) {
  if (Tape::tracks(*vjp.input))
    tape.add_edge<EdgeOf<Function>>(edges, argument, *vjp.input, std::move(vjp.function));
}
}  // namespace internal

// Records that the op named `op` computed `result`, and returns result. An input that needs no gradient
// costs nothing; if none does, or no tape records, result comes back untouched. `result` must be a tensor
// made by this op.
template <class... Functions>
Tensor record(const char* op, Tensor result, Vjp<Functions>... vjps) {
  Tape* tape = Tape::recording();
  if (tape && (Tape::tracks(*vjps.input) || ...)) {
    Tape::Edge* edges = nullptr;
    std::uint32_t argument = 0;
    (internal::add_if_tracked(*tape, edges, argument++, vjps), ...);
    tape->add_node(op, edges, result);
  }
  if (tape && tape->is_watched()) [[unlikely]]
    tape->watch_result(op, result, std::array<const Tensor*, sizeof...(vjps)>{vjps.input...});
  return result;
}

// The same for an op with a variable number of inputs.
template <class Function>
Tensor record(const char* op, Tensor result, internal::PoolVector<Vjp<Function>> vjps) {
  if (Tape* tape = Tape::recording()) {
    Tape::Edge* edges = nullptr;
    std::uint32_t argument = 0;
    for (Vjp<Function>& vjp : vjps) internal::add_if_tracked(*tape, edges, argument++, vjp);
    if (edges) tape->add_node(op, edges, result);
    if (tape->is_watched()) [[unlikely]] {
      std::vector<const Tensor*> inputs;
      for (const Vjp<Function>& vjp : vjps) inputs.push_back(vjp.input);
      tape->watch_result(op, result, inputs);
    }
  }
  return result;
}

}  // namespace taper
