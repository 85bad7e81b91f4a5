// NumPy's .npy files.
#pragma once

#include "../tensor.hpp"

#include <string>

namespace taper {

// Reads a .npy file of float32 or float64, row- or column-major. Throws, naming the file, if it is missing,
// is not of that format, is cut short, or holds another dtype.
Tensor load_npy(const std::string& path);

// Writes a .npy file, in whole or not at all (core/io/files.hpp). Throws, naming the file, if it
// can't be written.
void save_npy(const std::string& path, const Tensor& tensor);

}  // namespace taper
