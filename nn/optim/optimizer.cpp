// Optimizer: checking the parameters.
#include <taper/core/create.hpp>
#include <taper/core/fail.hpp>
#include <taper/nn/optim/optimizer.hpp>

namespace taper::optim {

Optimizer::Optimizer(std::vector<Tensor> parameters) : parameters_(std::move(parameters)) {
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    if (!parameters_[i].wants_grad()) {
      fail("Optimizer", "parameters[", i, "] of shape ", parameters_[i].shape(),
           " does not ask for a gradient");
    }
  }
}

void Optimizer::zero_grad() {
  for (Tensor& parameter : parameters_) parameter.zero_grad();
}

std::vector<Tensor> zeros_like_each(const std::vector<Tensor>& parameters) {
  std::vector<Tensor> result;
  for (const Tensor& parameter : parameters) result.push_back(zeros(parameter.shape(), parameter.dtype()));
  return result;
}

}  // namespace taper::optim
