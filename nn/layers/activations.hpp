// The activations as modules, for lists of layers:
//
//   nn::Sequential model{nn::Linear(2, 8), nn::LeakyRelu(0.1), nn::Linear(8, 4), nn::Softmax()};
//
// Each calls the op of its name, whose header has the formula and what throws, and has no parameters.
#pragma once

#include "../module.hpp"

namespace taper::nn {

class Relu : public Module {
 public:
  Tensor operator()(const Tensor& x) const;
  void list(Parts&) const override {}
};

// alpha is the size of the limit at -infinity.
class Elu : public Module {
 public:
  explicit Elu(double alpha = 1) : alpha_(alpha) {}
  Tensor operator()(const Tensor& x) const;
  void list(Parts&) const override {}

 private:
  double alpha_;
};

// slope is that of the negative half.
class LeakyRelu : public Module {
 public:
  explicit LeakyRelu(double slope = 0.01) : slope_(slope) {}
  Tensor operator()(const Tensor& x) const;
  void list(Parts&) const override {}

 private:
  double slope_;
};

class Gelu : public Module {
 public:
  Tensor operator()(const Tensor& x) const;
  void list(Parts&) const override {}
};

class Silu : public Module {
 public:
  Tensor operator()(const Tensor& x) const;
  void list(Parts&) const override {}
};

class Softplus : public Module {
 public:
  Tensor operator()(const Tensor& x) const;
  void list(Parts&) const override {}
};

class Sigmoid : public Module {
 public:
  Tensor operator()(const Tensor& x) const;
  void list(Parts&) const override {}
};

class LogSigmoid : public Module {
 public:
  Tensor operator()(const Tensor& x) const;
  void list(Parts&) const override {}
};

class Tanh : public Module {
 public:
  Tensor operator()(const Tensor& x) const;
  void list(Parts&) const override {}
};

// Along `axis`, by default the last.
class Softmax : public Module {
 public:
  explicit Softmax(int axis = -1) : axis_(axis) {}
  Tensor operator()(const Tensor& x) const;
  void list(Parts&) const override {}

 private:
  int axis_;
};

}  // namespace taper::nn
