// Module: collecting the parameters of a tree of modules.
#include <taper/nn/module.hpp>

namespace taper::nn {

void Parts::add(const std::string& name, const Module& module) {
  const std::string outer = std::exchange(prefix_, prefix_ + name + ".");
  module.list(*this);
  prefix_ = outer;
}

std::vector<std::pair<std::string, Tensor>> Module::named_parameters() const {
  Parts parts;
  list(parts);
  return std::move(parts.parameters_);
}

std::vector<Tensor> Module::parameters() const {
  std::vector<Tensor> parameters;
  for (auto& [name, parameter] : named_parameters()) parameters.push_back(std::move(parameter));
  return parameters;
}

void Module::zero_grad() const {
  for (Tensor& parameter : parameters()) parameter.zero_grad();
}

}  // namespace taper::nn
