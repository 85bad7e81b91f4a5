// The CUDA back end, as far as the rest of the library sees it: is it there, and on what does it run?
#pragma once

#include <string>

namespace taper::cuda {

// Can CUDA kernels run: was the library built with CUDA, for the kind of GPU that device 0 is, and does
// its driver work? All work goes to device 0, which must stay CUDA's current device in every thread
// that uses Taper.
bool available();

// One line for people: "NVIDIA H200 (compute capability 9.0)", "built without CUDA", or why no
// device can be used.
std::string description();

// May float32 matrix products on the device round their factors to TF32, which has 10 bits of mantissa? They
// are then several times as fast, with a relative error of about 1e-3 instead of 1e-6. Not by default. For
// the whole program, from the next product on; without CUDA it changes nothing.
void allow_tf32(bool allowed);

}  // namespace taper::cuda
