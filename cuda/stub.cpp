// The CUDA back end of a build without CUDA.
#include <taper/cuda/device.hpp>

namespace taper::cuda {

bool available() { return false; }
std::string description() { return "built without CUDA"; }

}  // namespace taper::cuda
