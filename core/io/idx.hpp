// idx files: arrays of numbers, the format of MNIST (http://yann.lecun.com/exdb/mnist).
#pragma once

#include "../indices.hpp"
#include "../tensor.hpp"

#include <string>

namespace taper {

// Reads an array of bytes, shorts, ints, floats or doubles, of any number of axes from 1 on. The numbers are
// those in the file: a picture's bytes go from 0 to 255. A dtype is float32 unless the file holds ints or
// doubles, which float32 can't hold; then it is float64. Throws, naming the file, if it is missing, is
// compressed, is not of that format, or is longer or shorter than its header says.
Tensor load_idx(const std::string& path);

// The same for whole numbers, as labels or tokens. Throws if the file holds floats or doubles.
Indices load_idx_labels(const std::string& path);

}  // namespace taper
