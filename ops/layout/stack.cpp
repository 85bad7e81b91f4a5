// stack: each tensor gets its slice of dy.
#include "stack.hpp"

#include "../../core/fail.hpp"
#include "../../core/memory/transfer.hpp"
#include "concat.hpp"
#include "squeeze.hpp"

#include <string>

namespace taper {

Tensor stack(const std::vector<Tensor>& tensors, int axis) {
  if (tensors.empty()) fail("stack", "tensors is empty: wanted at least one");
  check_given("stack", "tensors", tensors);
  const Tensor& first = tensors.front();
  const int stacked = internal::checked_new_axis("stack", axis, first.shape());
  std::vector<Tensor> slices;
  slices.reserve(tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& t = tensors[i];
    if (t.device() != first.device()) {  // the name is made only if it is needed
      check_same_device("stack", "tensors[0]", first, ("tensors[" + std::to_string(i) + "]").c_str(), t);
    }
    if (!(t.shape() == first.shape()) || t.dtype() != first.dtype()) {
      fail("stack", "tensors[", i, "] is ", t.dtype(), " ", t.shape(), ", tensors[0] ", first.dtype(), " ",
           first.shape(), ": wanted all the same");
    }
    slices.push_back(unsqueeze(t, stacked));
  }
  return concat(slices, stacked);
}

}  // namespace taper
