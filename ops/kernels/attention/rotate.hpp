// Turning pairs of elements by angles that grow with the position: what rotary is made of.
#pragma once

#include "../backend.hpp"

namespace taper::kernels {

// For x of shape (…, n, d), the cosine and the sine of each pair's angle at each position, (n, d / 2, 2):
// pair i at position t has the angle (first_position + t) base^(-2 i / d).
Tensor rotary_table(const char* op, const Tensor& x, std::int64_t first_position, double base);

// x with each pair of neighbours turned by its angle in `table` times `direction`, 1 or -1.
Tensor rotate(const char* op, const Tensor& x, const Tensor& table, int direction);

}  // namespace taper::kernels
