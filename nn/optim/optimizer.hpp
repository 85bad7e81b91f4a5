// Optimizer: what every way of updating parameters by their gradients has in common.
#pragma once

#include "../../core/io/state.hpp"
#include "../../core/tensor.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace taper::optim {

// Keeps the parameters, the moments of each, such as running means of its gradients, and a count of its
// steps. A kind of optimizer names its moments and settings and writes update(); docs/optimizers.md writes
// one.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  // Moved, not copied: a copy would share the moments.
  Optimizer(Optimizer&&) = default;

  // Updates every parameter that has a gradient, in place. One without keeps its value, its moments and its
  // count of steps.
  void step();
  // Clears every parameter's gradient. Gradients accumulate, so this belongs before each backward.
  void zero_grad();

  double learning_rate() const { return learning_rate_; }
  // For the steps from here on, as a schedule wants it. Throws unless it is finite and at least 0.
  void set_learning_rate(double learning_rate);

  // All that the steps to come depend on beside parameters and gradients, as copies. Tensors: the moments of
  // parameter i as "i.first_moment", …, by their names. Texts: "optimizer" (which kind), "parameters" (how
  // many), "learning_rate", the other settings by their names, and "i.steps", how often parameter i was
  // updated.
  State state() const;
  // Goes on from where state() was called: from there on every step gives the same bits. The learning rate,
  // counts and moments are taken over; the kind, the other settings and the parameters' shapes and dtypes
  // must be the same here. Throws, naming what is missing, superfluous or different, and then has changed
  // nothing.
  void load_state(const State& state);

 protected:
  using Settings = std::vector<std::pair<std::string, double>>;

  // What a step does to one parameter.
  struct Update {
    Tensor parameter;
    const Tensor& gradient;
    std::span<Tensor> moments;  // in the order of their names
    std::int64_t step;          // 1, 2, …: how often the parameter was updated, this time included
  };

  // The parameters to update, which are shared, not copied. `kind` is a literal: "Adam". Each parameter has
  // one moment of each name, of its own shape, dtype and device, which starts at 0; if the parameter is
  // moved, they follow. `settings`, without the learning rate, are what state() holds and load_state()
  // compares. Throws if there is no parameter, one does not ask for a gradient or shares another's memory,
  // and for a learning rate that set_learning_rate refuses.
  Optimizer(const char* kind, std::vector<Tensor> parameters, double learning_rate,
            std::vector<std::string> moments = {}, Settings settings = {});

 private:
  // Changes the parameters and moments of a step's updates: writes into their elements, or assigns to a
  // handle a tensor of the same shape, dtype and device, whose elements step() takes over. step() throws for
  // any other. Nothing is recorded on a tape meanwhile.
  virtual void update(std::span<Update> updates) = 0;

  std::span<Tensor> moments_of(std::size_t i);
  void move_moments(std::size_t i);

  const char* kind_;
  std::vector<Tensor> parameters_;
  double learning_rate_;
  std::vector<std::string> moment_names_;
  Settings settings_;
  std::vector<Tensor> moments_;  // of the first parameter, of the second, …
  std::vector<std::int64_t> steps_;
};

}  // namespace taper::optim
