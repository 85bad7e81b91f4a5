// Module: walking a tree of modules, to collect the parameters, to copy them out and in, or to set the mode.
#include "module.hpp"

#include "../core/fail.hpp"
#include "../core/io/safetensors.hpp"
#include "../core/memory/transfer.hpp"
#include "type_name.hpp"

#include <sstream>

namespace taper::nn {
namespace {

// Names one by one, "'a', 'b' and 3 more".
class Names {
 public:
  void add(const std::string& name) {
    constexpr int most = 20;
    if (++count_ <= most) text_ << (count_ == 1 ? "" : ", ") << name;
    if (count_ > most) rest_ = " and " + std::to_string(count_ - most) + " more";
  }
  // "; " + label + the names, if there are any.
  std::string sentence(const char* label) const {
    return count_ == 0 ? "" : std::string("; ") + label + text_.str() + rest_;
  }

 private:
  int count_ = 0;
  std::ostringstream text_;
  std::string rest_;
};

}  // namespace

void Parts::add(const std::string& name, const Tensor& parameter) {
  parameters_.emplace_back(prefix_ + name, parameter);
  check_given("Parts::add", parameters_.back().first.c_str(), parameter);
}

void Parts::add(const std::string& name, const Module& module) {
  if (training_) module.training_ = *training_;
  const std::string outer = std::exchange(prefix_, prefix_ + name + ".");
  ++depth_;
  const std::size_t visit = visits_ ? visits_->size() : 0;
  if (visits_) {
    visits_->push_back(
        {std::string(2 * depth_, ' ') + name + ": " + internal::short_type_name(typeid(module)),
         prefix_.size(), parameters_.size(), 0});
  }
  module.list(*this);
  if (visits_) (*visits_)[visit].end = parameters_.size();
  --depth_;
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

void Module::requires_grad(bool value) const {
  for (Tensor& parameter : parameters()) parameter.requires_grad(value);
}

std::map<std::string, Tensor> Module::state_dict() const {
  std::map<std::string, Tensor> tensors;
  for (const auto& [name, parameter] : named_parameters()) {
    if (!tensors.emplace(name, parameter.clone()).second)
      fail("state_dict", "two parameters are called ", internal::shown(name));
  }
  return tensors;
}

void Module::load_state_dict(const std::map<std::string, Tensor>& tensors) const {
  check_state_dict("load_state_dict", "", "", tensors);
  for (auto& [name, parameter] : named_parameters()) {
    internal::copy_elements(tensors.at(name), parameter);
  }
}

void Module::to(Device device) const {
  for (Tensor& parameter : parameters()) parameter.move_to(device);
}

void Module::to(DType dtype) const {
  for (Tensor& parameter : parameters()) parameter.move_to(dtype);
}

void Module::check_state_dict(const char* op, const std::string& where, const std::string& prefix,
                              const std::map<std::string, Tensor>& tensors) const {
  std::map<std::string, Tensor> parameters;
  Names twice, missing, wrong, extra;
  for (const auto& [name, parameter] : named_parameters()) {
    const std::string quoted = internal::shown(prefix + name);
    if (!parameters.emplace(name, parameter).second) {
      twice.add(quoted);
      continue;
    }
    const auto found = tensors.find(name);
    if (found == tensors.end()) {
      missing.add(quoted);
      continue;
    }
    const Tensor& tensor = found->second;
    if (tensor && tensor.shape() == parameter.shape() && tensor.dtype() == parameter.dtype()) continue;
    std::ostringstream difference;
    difference << quoted << " is ";
    if (tensor) {
      difference << tensor.dtype() << ' ' << tensor.shape();
    } else {
      difference << "an empty handle";
    }
    difference << ", wanted " << parameter.dtype() << ' ' << parameter.shape();
    wrong.add(difference.str());
  }
  for (const auto& [name, tensor] : tensors) {
    if (parameters.count(name) == 0) extra.add(internal::shown(prefix + name));
  }
  const std::string problems = twice.sentence("two parameters are called ") + missing.sentence("missing: ") +
                               extra.sentence("no parameter of the model: ") + wrong.sentence("wrong: ");
  if (!problems.empty()) fail(op, where, "the tensors don't fit the model", problems);
}

void Module::train(bool on) const {
  training_ = on;
  Parts parts;
  parts.training_ = on;
  list(parts);
}

}  // namespace taper::nn
