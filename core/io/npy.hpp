// NumPy's .npy files.
#pragma once

#include "../tensor.hpp"

#include <string>

namespace taper {

// Reads a .npy file of float32 or float64: any version of the format, any order of bytes, row- or column-major.
// Throws, naming the file, if it is missing, is not of that format, is cut short, or holds another dtype.
Tensor load_npy(const std::string& path);

// Reads a .npy file of truth values (0 and 1), whole numbers or floats, halves too, into a tensor of that
// dtype, each number exactly. Throws likewise, and if one of them is none of the dtype: 2^24 + 1 is no float32.
Tensor load_npy(const std::string& path, DType dtype);

// Writes a .npy file, in whole or not at all (core/io/files.hpp). Throws, naming the file, if it
// can't be written.
void save_npy(const std::string& path, const Tensor& tensor);

}  // namespace taper
