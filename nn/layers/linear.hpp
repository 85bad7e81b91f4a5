// Linear: an affine map of the last axis.
#pragma once

#include "../../core/random.hpp"
#include "../module.hpp"

namespace taper::nn {

struct LinearOptions {
  bool bias = true;
  DType dtype = float32;
};

// y = x W + b with x (…, inputs), W (inputs, outputs), b (outputs), y (…, outputs). W and b start uniform in
// [-1/sqrt(inputs), 1/sqrt(inputs)).
class Linear : public Module {
 public:
  // Throws unless inputs and outputs are at least 1.
  Linear(std::int64_t inputs, std::int64_t outputs, Generator& generator, const LinearOptions& options = {});
  Linear(std::int64_t inputs, std::int64_t outputs, const LinearOptions& options = {})
      : Linear(inputs, outputs, default_generator(), options) {}

  // Throws if x's last extent or dtype does not fit W.
  Tensor operator()(const Tensor& x) const;
  void list(Parts& parts) const override;
  // The extent of x that W takes.
  std::int64_t inputs() const { return places ? places.rows() : weight.extent(0); }
  // From here on, W consists of the elements that are not 0 now, and its products of those alone. They are a new
  // parameter, which an optimizer has to be given. What state_dict() holds stays the same.
  void compress();

  Tensor weight;
  Tensor bias;  // an empty handle without bias
  // Given after compress(): where the elements of W stand that are in `weight`.
  CompressedRows places;
};

}  // namespace taper::nn
