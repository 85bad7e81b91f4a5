// Which back end computes what lies on a device.
#include "backend.hpp"

namespace taper::kernels {

const Backend* backend_of(Device device) { return device.is_cpu() ? nullptr : &cuda_backend(); }

}  // namespace taper::kernels
