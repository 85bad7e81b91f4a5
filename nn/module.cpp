// Module: walking a tree of modules, to collect the parameters or to set the mode.
#include <taper/nn/module.hpp>

namespace taper::nn {

void Parts::add(const std::string& name, const Module& module) {
  if (training_) module.training_ = *training_;
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

void Module::train(bool on) const {
  training_ = on;
  Parts parts;
  parts.training_ = on;
  list(parts);
}

}  // namespace taper::nn
