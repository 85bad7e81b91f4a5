// Losses: how far a prediction is from its target, as one number.
#pragma once

#include <taper/core/indices.hpp>
#include <taper/core/tensor.hpp>

namespace taper::nn {

// mean (prediction - target)^2 over all elements, rank 0. Throws where shapes or dtypes differ: a loss that
// broadcasts by accident is a wrong number.
Tensor mean_squared_error(const Tensor& prediction, const Tensor& target);

// The mean over all rows of -log softmax(logits)[label], rank 0: logits (…, classes), labels (…), each from 0
// to classes - 1. Throws where the shapes do not fit, there is no row, or a label is out of range.
Tensor cross_entropy(const Tensor& logits, const Indices& labels);

}  // namespace taper::nn
