// Dropout: elements set to 0 at random in training.
#pragma once

#include "../../core/random.hpp"
#include "../module.hpp"

namespace taper::nn {

// In training mode y = x m / (1 - p) with each m_i 0 with probability p and 1 otherwise, so that the mean
// of y over the draws is x; dx = dy m / (1 - p). In evaluation mode, or with p = 0, y is x itself and
// nothing is drawn.
//
// Each call draws a new mask, one uniform() for each element of x in row-major order. It is no op of its own
// but a product (mul) with a constant: an infinity or NaN that is dropped gives NaN.
//
// Source: Srivastava et al., Dropout, JMLR 15 (2014), scaled in training ("inverted") as is usual now.
class Dropout : public Module {
 public:
  // Draws from `generator`, which must outlive the layer and its copies. Throws unless 0 <= p < 1.
  Dropout(double p, Generator& generator) : Dropout(p, &generator) {}
  // Draws from default_generator() of the thread that makes the call.
  explicit Dropout(double p) : Dropout(p, nullptr) {}

  Tensor operator()(const Tensor& x) const;
  void list(Parts&) const override {}

 private:
  Dropout(double p, Generator* generator);

  double p_;
  Generator* generator_;  // null: default_generator()
};

}  // namespace taper::nn
