// leaky_relu: a rectifier that lets a little through, element by element.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y = x where x > 0, slope x elsewhere. dx = dy where x > 0, slope dy elsewhere, at the kink x = 0 and for
// NaN too. float32 or float64, any shape. Source: Maas, Hannun and Ng, Rectifier Nonlinearities Improve
// Neural Network Acoustic Models, ICML 2013.
Tensor leaky_relu(const Tensor& x, double slope = 0.01);

}  // namespace taper
