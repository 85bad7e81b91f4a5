// Printing, by xtensor's printer.
#include "xtensor.hpp"

#if __has_include(<xtensor/xio.hpp>)
#include <xtensor/xio.hpp>
#else
#include <xtensor/io/xio.hpp>
#endif

#include <ostream>

namespace taper {

std::ostream& operator<<(std::ostream& out, const Tensor& tensor) {
  check_given("operator<<", "tensor", tensor);
  const Tensor host = tensor.detach().to(Device::cpu());
  dispatch(tensor.dtype(), [&]<class T>() { out << as_xtensor<T>(host); });
  return out;
}

}  // namespace taper
