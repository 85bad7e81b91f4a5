// Pruning: the masks, and what they set to 0.
#include "pruning.hpp"

#include "../../core/create.hpp"
#include "../../core/fail.hpp"
#include "../../core/io/number_text.hpp"
#include "../../core/io/safetensors.hpp"
#include "../../core/memory/transfer.hpp"
#include "../../core/tape.hpp"
#include "../../ops/elementwise/abs.hpp"
#include "../../ops/elementwise/comparison.hpp"
#include "../../ops/elementwise/where.hpp"

#include <algorithm>
#include <cmath>

namespace taper::nn {

std::map<std::string, double> magnitudes(const Module& model, double share) {
  if (!(share >= 0 && share <= 1)) fail("magnitudes", "share must be in [0, 1], got ", share);
  std::map<std::string, double> result;
  for (const auto& [name, parameter] : model.named_parameters()) {
    if (parameter.rank() < 2 || parameter.size() == 0) continue;
    std::vector<double> sizes = abs(parameter.detach()).to_vector();
    if (std::any_of(sizes.begin(), sizes.end(), [](double size) { return std::isnan(size); }))
      fail("magnitudes", "parameter ", internal::shown(name), " has a NaN");
    const auto place = std::llround(share * static_cast<double>(sizes.size()));
    const auto chosen = sizes.begin() + std::min<std::ptrdiff_t>(place, std::ssize(sizes) - 1);
    std::nth_element(sizes.begin(), chosen, sizes.end());
    result[name] = *chosen;
  }
  return result;
}

Pruning::Pruning(const Module& model, optim::Optimizer& optimizer, std::map<std::string, double> magnitudes)
    : optimizer_(&optimizer) {
  constexpr const char* op = "Pruning";
  if (magnitudes.empty()) fail(op, "magnitudes is empty: wanted at least one parameter");
  for (const auto& [name, parameter] : model.named_parameters()) {
    const auto found = magnitudes.extract(name);
    if (!found) continue;
    const double magnitude = found.mapped();
    if (!(magnitude >= 0 && std::isfinite(magnitude)))
      fail(op, "magnitudes[", internal::shown(name), "] must be finite and at least 0, got ", magnitude);
    pruned_.push_back({name, parameter, magnitude, ones(parameter.shape(), parameter.kind())});
    optimizer.mask_moments(parameter, pruned_.back().mask);  // changes nothing, but throws if it is another's
  }
  if (!magnitudes.empty())
    fail(op, "the model has no parameter ", internal::shown(magnitudes.begin()->first));
}

void Pruning::step(double level) {
  if (!(level >= 0 && std::isfinite(level)))
    fail("Pruning::step", "level must be finite and at least 0, got ", level);
  const Tape::Recording nothing(nullptr);
  for (auto& [name, parameter, magnitude, mask] : pruned_) {
    mask = mask.to(parameter.kind());
    const Tensor zero = scalar_like(0, parameter);
    if (level > 0) mask = where(abs(parameter) < level * magnitude, zero, mask);
    internal::copy_elements(where(mask, parameter, zero), parameter);
    if (Tensor gradient = parameter.grad()) internal::copy_elements(where(mask, gradient, zero), gradient);
    optimizer_->mask_moments(parameter, mask);
  }
}

double Pruning::zeros() const {
  std::ptrdiff_t zeros = 0, all = 0;
  for (const Pruned& pruned : pruned_) {
    const std::vector<double> mask = pruned.mask.to_vector();
    zeros += std::count(mask.begin(), mask.end(), 0.0), all += std::ssize(mask);
  }
  return all == 0 ? 0 : static_cast<double>(zeros) / static_cast<double>(all);
}

State Pruning::state() const {
  State state;
  for (const auto& [name, parameter, magnitude, mask] : pruned_) {
    state.tensors[name] = internal::copied("state", mask, parameter.kind());
    state.texts["magnitude." + name] = internal::to_text(magnitude);
  }
  return state;
}

void Pruning::load_state(const State& state) {
  constexpr const char* op = "load_state";
  std::vector<Pruned> loaded = pruned_;
  State left = state;
  for (auto& [name, parameter, magnitude, mask] : loaded) {
    const auto tensor = left.tensors.extract(name);
    const auto text = left.texts.extract("magnitude." + name);
    if (!tensor || !tensor.mapped()) fail(op, "the mask ", internal::shown(name), " is missing");
    if (!text) fail(op, "text ", internal::shown("magnitude." + name), " is missing");
    const Tensor& from = tensor.mapped();
    if (!(from.shape() == parameter.shape())) {
      fail(op, "the mask ", internal::shown(name), " is ", from.shape(), ", the parameter is ",
           parameter.shape());
    }
    const std::vector<double> values = from.to_vector();
    const auto bad =
        std::find_if(values.begin(), values.end(), [](double value) { return value != 0 && value != 1; });
    if (bad != values.end())
      fail(op, "the mask ", internal::shown(name), " must consist of 0 and 1, got ", *bad);
    if (!internal::from_text(text.mapped(), magnitude) || !(magnitude >= 0 && std::isfinite(magnitude))) {
      fail(op, "text ", internal::shown("magnitude." + name), " must be a finite number of at least 0, got ",
           internal::shown(text.mapped()));
    }
    mask = internal::copied(op, from, parameter.kind());
  }
  if (!left.tensors.empty())
    fail(op, "nothing called ", internal::shown(left.tensors.begin()->first), " is pruned here");
  if (!left.texts.empty())
    fail(op, "text ", internal::shown(left.texts.begin()->first), " is none of this pruning's");
  pruned_ = std::move(loaded);
}

}  // namespace taper::nn
