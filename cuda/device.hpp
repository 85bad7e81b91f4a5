// The CUDA back end, as far as the rest of the library sees it: is it there, and on what does it run?
#pragma once

#include <string>

namespace taper::cuda {

// Can CUDA kernels run: was the library built with CUDA, and is there a device with a working driver?
bool available();

// One line for people: "NVIDIA H200 (compute capability 9.0)", "built without CUDA", or why no device can be
// used.
std::string description();

}  // namespace taper::cuda
