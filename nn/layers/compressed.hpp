// compressed: a weight in compressed rows.
#pragma once

#include "../../core/compressed_rows.hpp"
#include "../../core/tensor.hpp"

#include <utility>

namespace taper::nn {

// Where the elements of a matrix stand that are not 0, and these elements as a new parameter. Throws if it is no
// matrix.
std::pair<CompressedRows, Tensor> compressed(const Tensor& weight);

}  // namespace taper::nn
