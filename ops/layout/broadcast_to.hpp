// broadcast_to: repetition along axes of extent 1.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y has the given shape, to which x's is broadcast as in NumPy: x's axes are aligned at the last one, and
// repeated where they are 1 or missing. dx = dy summed over the repeated axes. Returns x itself if it has
// that shape already. Throws if x's shape does not broadcast to `shape`.
Tensor broadcast_to(const Tensor& x, const Shape& shape);

}  // namespace taper
