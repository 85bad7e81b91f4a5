// Optimizer: what all ways of updating parameters by their gradients have in common.
#pragma once

#include "../../core/io/state.hpp"
#include "../../core/tensor.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace taper::optim {

// A number in place of options: Adam(parameters, 0.01) does not compile, and the message shows the line that
// says what to write.
template <class T>
concept BareNumber = std::is_arithmetic_v<T>;

// Keeps the parameters, the moments of each (such as running means of its gradients), and a count of its
// steps. A kind of optimizer names its moments and settings and defines update(). docs/optimizers.md shows
// how to write one.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  // Moved, not copied: a copy would share the moments.
  Optimizer(Optimizer&&) = default;

  // Updates every parameter that has a gradient, in place. One without, or one that is frozen (that does not
  // ask for a gradient now), keeps its value, its moments and its count of steps. Throws if all are frozen.
  void step();
  // Clears every parameter's gradient. Gradients accumulate, so this belongs before each backward.
  void zero_grad();

  double learning_rate() const { return learning_rate_; }
  // For the steps from here on, as a schedule wants it. Throws unless it is finite and at least 0.
  void set_learning_rate(double learning_rate);
  // From here on these parameters learn at `factor` times learning_rate(), also when a schedule changes that:
  // a new head may move faster than the pretrained body. Throws unless factor is finite and at least 0, and if
  // one of them is no parameter of this optimizer.
  void scale_learning_rate(const std::vector<Tensor>& parameters, double factor);
  // Sets the parameter's moments to 0 where the mask, of its shape and kind, is 0, as pruning wants it. Throws if
  // it is no parameter of this optimizer, or the mask does not fit.
  void mask_moments(const Tensor& parameter, const Tensor& mask);

  // Copies of everything, besides parameters and gradients, on which later steps depend. The tensors are the
  // moments: for parameter i, "i." and the name of the moment, such as "0.first_moment". The texts are
  // "optimizer" (its kind), "parameters" (their number), "learning_rate", the other settings by their names,
  // "i.steps", how often parameter i was updated, and "i.learning_rate_factor", unless that is 1.
  State state() const;
  // Continues from where state() was called: every later step gives the same bits. The learning rate, its
  // factors, counts and moments are taken over; the kind, the other settings, and the parameters' shapes and
  // dtypes must be the same here. Otherwise throws, naming what is missing, superfluous or different, and
  // changes nothing.
  void load_state(const State& state);

 protected:
  using Settings = std::vector<std::pair<std::string, double>>;

  // What a step does to one parameter.
  struct Update {
    Tensor parameter;
    Tensor gradient;
    std::span<Tensor> moments;  // in the order of their names
    std::int64_t step;          // 1, 2, …: how often the parameter was updated, this time included
    double learning_rate;       // this parameter's
  };

  // The parameters to update are shared, not copied. `kind` is a literal such as "Adam". Each parameter has
  // one moment of each name, of its own shape, dtype and device, which starts at 0; if the parameter is
  // moved, its moments follow. `settings` are those without the learning rate: state() holds them and
  // load_state() compares them. Throws if there is no parameter or all are frozen, if one is a recorded result
  // or shares another's memory, and for a learning rate that set_learning_rate refuses.
  Optimizer(const char* kind, std::vector<Tensor> parameters, double learning_rate,
            std::vector<std::string> moments = {}, Settings settings = {});

 private:
  // Changes the parameters and moments of a step: either writes into their elements, or assigns to a handle a
  // tensor of the same shape, dtype and device, whose elements step() takes over. If the assigned tensor
  // differs in these, step() throws. Nothing that update() does is recorded on a tape.
  virtual void update(std::span<Update> updates) = 0;

  // Which of the optimizer's parameters it is, or their number.
  std::size_t place_of(const Tensor& parameter) const;
  std::span<Tensor> moments_of(std::size_t i);
  void move_moments(std::size_t i);

  const char* kind_;
  std::vector<Tensor> parameters_;
  double learning_rate_;
  std::vector<std::string> moment_names_;
  Settings settings_;
  std::vector<Tensor> moments_;  // of the first parameter, of the second, …
  std::vector<std::int64_t> steps_;
  std::vector<double> factors_;  // of each parameter's learning rate
};

}  // namespace taper::optim
