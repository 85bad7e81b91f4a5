// Optimizer: what every way of updating parameters by their gradients has in common.
#pragma once

#include "../../core/io/state.hpp"
#include "../../core/tensor.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace taper::kernels {
class Backend;
}

namespace taper::optim {

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
  // parameter i as "i.first_moment", …, of its kind. Texts: "optimizer" (which kind), "parameters" (how
  // many), "learning_rate", the other settings by their names, and "i.steps", how often parameter i was
  // updated.
  State state() const;
  // Goes on from where state() was called: from there on every step gives the same bits. The learning rate,
  // counts and moments are taken over; the kind, the other settings and the parameters' shapes and dtypes
  // must be the same here. Throws, naming what is missing, superfluous or different, and then has changed
  // nothing.
  void load_state(const State& state);

 protected:
  // What state() holds of one kind of optimizer.
  struct Description {
    std::vector<std::pair<std::string, double>> settings;              // without the learning rate
    std::vector<std::pair<std::string, std::vector<Tensor>>> moments;  // one tensor for each parameter
  };

  // The parameters to update, which are shared, not copied. `kind` is a literal: "Adam". Throws where there
  // is none, where one does not ask for a gradient or shares another's memory, or for a learning rate that
  // set_learning_rate refuses.
  Optimizer(const char* kind, std::vector<Tensor> parameters, double learning_rate);

  // One tensor of zeros for each parameter.
  std::vector<Tensor> zeros_like_parameters() const;

  std::vector<Tensor> parameters_;
  double learning_rate_;
  std::vector<std::int64_t> steps_;  // t: how often each parameter was updated, this step included

 private:
  virtual Description describe() const = 0;
  // Updates the elements [begin, end) of parameter i. Called on several threads, for different elements.
  virtual void update(std::size_t i, const Tensor& gradient, std::int64_t begin, std::int64_t end) = 0;
  // Updates all of parameter i, which lies on the back end's device.
  virtual void update(const kernels::Backend& backend, std::size_t i, const Tensor& gradient) = 0;
  // Converts the moments of parameter i to that kind.
  virtual void move_moments(std::size_t i, Kind kind) = 0;

  const char* kind_;
};

}  // namespace taper::optim
