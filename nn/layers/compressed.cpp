// compressed: the elements that are not 0, picked out.
#include "compressed.hpp"

#include "../../ops/layout/gather.hpp"
#include "../../ops/layout/reshape.hpp"

namespace taper::nn {

std::pair<CompressedRows, Tensor> compressed(const Tensor& weight) {
  const CompressedRows places(weight);
  const Tensor values = gather(reshape(weight.detach(), {weight.size()}), places.places());
  return {places, values.detach().requires_grad(weight.wants_grad())};
}

}  // namespace taper::nn
