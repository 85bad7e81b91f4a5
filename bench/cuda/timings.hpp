// The parts of cuda_timings. Each prints lines of JSON; timings.py says what the cases are made of.
#pragma once

#include "measure.hpp"

namespace bench {

// Does the device compute what the CPU does? Prints each comparison; false if one is off.
bool check_device(std::int64_t heads, std::int64_t rows);

// What moves bytes: the copy, elements, reductions, rows, layout, updates.
void time_kernels(const Json& cases);
// A training step of the character transformer, on the CPU and on the device.
void time_training(const Json& cases);

}  // namespace bench
