// What is checked: y = f(x), its gradients by the tape, and x itself, which is changed in place and comes
// back bit for bit. Inside the gradient checker.
#pragma once

#include "../tape.hpp"
#include "differences.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace taper::gradcheck_detail {

using Tensors = std::vector<Tensor>;
using ManyToMany = std::function<Tensors(const Tensors&)>;

// f and the inputs at which it is checked. The inputs are the caller's own tensors, so that an f that
// reads them elsewhere (a model its parameters) sees the changes; a recorded result, a float32 tensor, and
// one that shares its elements with another input are replaced by float64 copies. The destructor brings
// back every bit.
class Problem {
 public:
  enum class Precision { widened, as_given };
  // Throws if an input is an empty handle. `op` is named in messages. as_given: float32 inputs stay
  // what they are.
  Problem(const char* op, const ManyToMany& f, const Tensors& inputs,
          Precision precision = Precision::widened);
  ~Problem();
  Problem(const Problem&) = delete;
  Problem& operator=(const Problem&) = delete;

  const Tensors& inputs() const { return inputs_; }
  // The elements of input i as they were given, and those from which it is moved, which differ only
  // after move_to.
  const Values& original(std::size_t i) const { return originals_[i]; }
  const Values& base(std::size_t i) const { return bases_[i]; }
  std::int64_t input_size() const { return input_size_; }

  // f's results at the inputs as they are, one after the other; valid until the next call. Throws if there
  // are more or fewer than before.
  const Values& evaluate();
  // Sets one element of a float64 input, or all of an input.
  void put(std::size_t input, std::int64_t element, double value);
  void put(std::size_t input, const Values& values);
  // Sets all inputs, until restore().
  void move_to(const std::vector<Values>& inputs);
  // Puts the given elements back; returns whether any of them had changed.
  bool restore();

  // Records f at the inputs, for vjp. Returns its results.
  const Values& record();
  // v^T df/dx for each input, of the recorded f. v may be rounded to the results' dtype.
  std::vector<Values> vjp(const Values& v);
  std::int64_t evaluations() const { return evaluations_; }

 private:
  void collect(const Tensors& results);
  void copy_bytes(const Tensor& to, std::int64_t offset, const void* from, std::size_t bytes);

  const char* op_;
  const ManyToMany& f_;
  Tensors inputs_;
  std::vector<Values> originals_, bases_;
  std::vector<bool> wanted_grad_;
  std::int64_t input_size_ = 0;
  Values values_;
  std::optional<std::size_t> count_;  // of f's results
  std::optional<Tape> tape_;
  Tensors results_;
  std::int64_t evaluations_ = 0;
};

}  // namespace taper::gradcheck_detail
