// The one place where the device decides which kernels run.
#include "backend.hpp"

namespace taper::kernels {

const Backend* backend_of(Device device) { return device.is_cpu() ? nullptr : &cuda_backend(); }

}  // namespace taper::kernels
