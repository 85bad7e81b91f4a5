// Initialisation: what a layer's weights start from, other than the layer's own choice.
//
//   layer.weight = nn::init::xavier_uniform({64, 32}, generator);
#pragma once

#include "../core/random.hpp"

namespace taper::nn::init {

struct XavierOptions {
  double gain = 1;
  DType dtype = float32;
};

struct KaimingOptions {
  // The factor that makes up for what follows the layer, if that shrinks the root mean square: sqrt(2) for
  // relu, which lets half of the mean square through; 1 if nothing follows.
  double gain = 1.4142135623730951;
  DType dtype = float32;
};

// Each returns a new parameter, a tensor that asks for a gradient, of the given shape (inputs, outputs), as
// Linear's weight has it. For independent x of variance 1 and y = x W, Xavier's variance of W,
//   gain^2 2 / (inputs + outputs),
// is the harmonic mean of two variances, the one that keeps the variance from x to y and the one that keeps
// that of the cotangents from dy to dx; and Kaiming's,
//   gain^2 / inputs,
// keeps the mean square from layer to layer if each is followed by relu and the gain is sqrt(2). A uniform
// distribution of variance s^2 is that over [-sqrt(3) s, sqrt(3) s).
//
// All throw unless the shape has two extents of at least 1 and the gain is positive and finite.
//
// Sources: Glorot and Bengio, Understanding the difficulty of training deep feedforward neural networks,
// AISTATS 2010, equations 12 and 16; He et al., Delving Deep into Rectifiers, arXiv 1502.01852, equation 10.
Tensor xavier_uniform(const Shape& shape, Generator& generator, const XavierOptions& options = {});
Tensor xavier_normal(const Shape& shape, Generator& generator, const XavierOptions& options = {});
Tensor kaiming_uniform(const Shape& shape, Generator& generator, const KaimingOptions& options = {});
Tensor kaiming_normal(const Shape& shape, Generator& generator, const KaimingOptions& options = {});

}  // namespace taper::nn::init
