// Optimizer: the parameters, a step's updates, and the state.
#include "optimizer.hpp"

#include "../../core/create.hpp"
#include "../../core/fail.hpp"
#include "../../core/io/number_text.hpp"
#include "../../core/io/safetensors.hpp"
#include "../../core/memory/pool.hpp"
#include "../../core/memory/transfer.hpp"
#include "../../core/tape.hpp"
#include "../../ops/elementwise/where.hpp"

#include <algorithm>
#include <cmath>
#include <set>

namespace taper::optim {
namespace {

// A learning rate or a factor of it.
void check_factor(const char* op, const char* name, double factor) {
  if (!(factor >= 0 && std::isfinite(factor))) fail(op, name, " must be finite and at least 0, got ", factor);
}

void check_learning_rate(const char* op, double rate) { check_factor(op, "learning_rate", rate); }

constexpr auto max_steps = std::int64_t{1} << 53;  // Adam's t is a double, which counts exactly up to this

constexpr const char* factor_name = "learning_rate_factor";

std::string name_of(std::size_t i, const std::string& name) { return std::to_string(i) + '.' + name; }

// Throws in the name of `kind` if no parameter asks for a gradient.
void check_not_all_frozen(const char* kind, const std::vector<Tensor>& parameters) {
  for (const Tensor& parameter : parameters) {
    if (parameter.wants_grad()) return;
  }
  fail(kind, "all parameters are frozen: call requires_grad() on those that are to learn");
}

// The texts of a state. check_all_asked() throws unless each of them was asked for.
class Texts {
 public:
  explicit Texts(const std::map<std::string, std::string>& texts) : texts_(texts) {}

  const std::string& operator()(const std::string& name) {
    const auto found = texts_.find(name);
    if (found == texts_.end()) fail("load_state", "text '", name, "' is missing");
    asked_.insert(name);
    return found->second;
  }
  template <class Number>
  Number number(const std::string& name) {
    const std::string& text = (*this)(name);
    Number value{};
    if (!internal::from_text(text, value))
      fail("load_state", "text '", name, "' must be a number, got ", internal::shown(text));
    return value;
  }
  void check_all_asked() const {
    for (const auto& [name, text] : texts_) {
      if (!asked_.count(name))
        fail("load_state", "text ", internal::shown(name), " is none of this optimizer's");
    }
  }

 private:
  const std::map<std::string, std::string>& texts_;
  std::set<std::string> asked_;
};

// Throws unless the value or moment that update() of `kind` gave parameter i has the parameter's shape,
// dtype and device.
void check_assigned(const char* kind, const char* name, std::size_t i, const Tensor& assigned,
                    const Tensor& parameter) {
  check_given(kind, name, assigned);
  if (assigned.shape() == parameter.shape() && assigned.kind() == parameter.kind()) return;
  fail(kind, "its update gave ", name, " of parameters[", i, "], ", parameter.kind(), ' ', parameter.shape(),
       ", a tensor ", assigned.kind(), ' ', assigned.shape());
}

}  // namespace

Optimizer::Optimizer(const char* kind, std::vector<Tensor> parameters, double learning_rate,
                     std::vector<std::string> moments, Settings settings)
    : kind_(kind),
      parameters_(std::move(parameters)),
      learning_rate_(learning_rate),
      moment_names_(std::move(moments)),
      settings_(std::move(settings)),
      steps_(parameters_.size()),
      factors_(parameters_.size(), 1) {
  check_learning_rate(kind, learning_rate);
  if (parameters_.empty()) fail(kind, "parameters is empty: wanted at least one");
  check_given("Optimizer", "parameters", parameters_);
  check_not_all_frozen(kind, parameters_);
  std::map<const std::byte*, std::size_t> seen;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    if (parameters_[i].impl().tape != 0) {
      fail("Optimizer", "parameters[", i, "] of shape ", parameters_[i].shape(),
           " is a recorded result: only a leaf can learn");
    }
    if (parameters_[i].size() == 0) continue;  // those on a device lie at one address
    const auto [first, is_new] = seen.emplace(parameters_[i].impl().data, i);
    if (!is_new) {
      fail("Optimizer", "parameters[", i, "] of shape ", parameters_[i].shape(),
           " has the same elements as parameters[", first->second, "]: list a shared parameter once");
    }
  }
  for (const Tensor& parameter : parameters_) {
    for (std::size_t k = 0; k < moment_names_.size(); ++k)
      moments_.push_back(zeros(parameter.shape(), parameter.kind()));
  }
}

void Optimizer::step() {
  check_not_all_frozen(kind_, parameters_);
  internal::PoolVector<Update> updates;
  internal::PoolVector<std::size_t> places;  // of their parameters
  updates.reserve(parameters_.size());
  places.reserve(parameters_.size());
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    Tensor gradient = parameters_[i].grad();
    if (!gradient || !parameters_[i].wants_grad()) continue;
    move_moments(i);
    updates.push_back(
        {parameters_[i], std::move(gradient), moments_of(i), ++steps_[i], learning_rate_ * factors_[i]});
    places.push_back(i);
  }
  const Tape::Recording nothing(nullptr);
  update(updates);
  for (std::size_t j = 0; j < updates.size(); ++j) {
    const auto& [assigned, gradient, moments, step, rate] = updates[j];
    Tensor& parameter = parameters_[places[j]];
    for (std::size_t k = 0; k < moments.size(); ++k) {
      check_assigned(kind_, moment_names_[k].c_str(), places[j], moments[k], parameter);
      // Somebody else who holds this tensor may write into it later; the moment must not change then.
      if (!moments[k].is_sole_owner()) moments[k] = moments[k].clone();
    }
    if (assigned && &assigned.impl() == &parameter.impl()) continue;
    check_assigned(kind_, "the value", places[j], assigned, parameter);
    internal::copy_elements(assigned, parameter);
  }
}

void Optimizer::zero_grad() {
  for (Tensor& parameter : parameters_) parameter.zero_grad();
}

void Optimizer::set_learning_rate(double learning_rate) {
  check_learning_rate("set_learning_rate", learning_rate);
  learning_rate_ = learning_rate;
}

void Optimizer::scale_learning_rate(const std::vector<Tensor>& parameters, double factor) {
  constexpr const char* op = "scale_learning_rate";
  check_factor(op, "factor", factor);
  check_given(op, "parameters", parameters);
  std::vector<double> factors = factors_;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const std::size_t place = place_of(parameters[i]);
    if (place == parameters_.size())
      fail(op, "parameters[", i, "] of shape ", parameters[i].shape(), " is none of this optimizer's");
    factors[place] = factor;
  }
  factors_ = std::move(factors);
}

void Optimizer::mask_moments(const Tensor& parameter, const Tensor& mask) {
  constexpr const char* op = "mask_moments";
  check_given(op, "parameter", parameter, "mask", mask);
  const std::size_t place = place_of(parameter);
  if (place == parameters_.size())
    fail(op, "the parameter of shape ", parameter.shape(), " is none of this optimizer's");
  if (!(mask.shape() == parameter.shape()) || !(mask.kind() == parameter.kind())) {
    fail(op, "the mask must be ", parameter.kind(), ' ', parameter.shape(), ", got ", mask.kind(), ' ',
         mask.shape());
  }
  const Tape::Recording nothing(nullptr);
  move_moments(place);
  for (Tensor& moment : moments_of(place)) moment = where(mask, moment, scalar_like(0, moment));
}

std::size_t Optimizer::place_of(const Tensor& parameter) const {
  const auto is_it = [&](const Tensor& mine) { return &mine.impl() == &parameter.impl(); };
  return static_cast<std::size_t>(std::find_if(parameters_.begin(), parameters_.end(), is_it) -
                                  parameters_.begin());
}

std::span<Tensor> Optimizer::moments_of(std::size_t i) {
  return std::span(moments_).subspan(i * moment_names_.size(), moment_names_.size());
}

void Optimizer::move_moments(std::size_t i) {
  const Kind kind = parameters_[i].kind();
  for (Tensor& moment : moments_of(i)) {
    if (!(moment.kind() == kind)) moment = moment.to(kind);
  }
}

State Optimizer::state() const {
  State state;
  state.texts["optimizer"] = kind_;
  state.texts["parameters"] = internal::to_text(static_cast<std::int64_t>(parameters_.size()));
  state.texts["learning_rate"] = internal::to_text(learning_rate_);
  for (const auto& [name, value] : settings_) state.texts[name] = internal::to_text(value);
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    state.texts[name_of(i, "steps")] = internal::to_text(steps_[i]);
    if (factors_[i] != 1) state.texts[name_of(i, factor_name)] = internal::to_text(factors_[i]);
    for (std::size_t k = 0; k < moment_names_.size(); ++k) {
      state.tensors[name_of(i, moment_names_[k])] =
          internal::copied("state", moments_[i * moment_names_.size() + k], parameters_[i].kind());
    }
  }
  return state;
}

void Optimizer::load_state(const State& state) {
  // The parameters' dtype may have changed since the last step.
  for (std::size_t i = 0; i < parameters_.size(); ++i) move_moments(i);
  Texts texts(state.texts);
  if (texts("optimizer") != kind_) {
    fail("load_state", "the state is of the optimizer ", internal::shown(texts("optimizer")),
         ", this one is ", kind_);
  }
  if (const auto count = texts.number<std::int64_t>("parameters");
      count != static_cast<std::int64_t>(parameters_.size())) {
    fail("load_state", "the state is of ", count, " parameters, this optimizer has ", parameters_.size());
  }
  const auto learning_rate = texts.number<double>("learning_rate");
  check_learning_rate("load_state", learning_rate);
  for (const auto& [name, here] : settings_) {
    if (const auto there = texts.number<double>(name); there != here) {
      fail("load_state", name, " is ", internal::to_text(there), " in the state and ",
           internal::to_text(here), " here");
    }
  }
  std::vector<std::int64_t> steps;
  std::vector<double> factors(parameters_.size(), 1);
  std::vector<std::pair<Tensor, Tensor>> copies;  // from, to
  std::set<std::string> expected;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    steps.push_back(texts.number<std::int64_t>(name_of(i, "steps")));
    if (steps.back() < 0 || steps.back() > max_steps) {
      fail("load_state", "'", name_of(i, "steps"), "' must be in [0, 2^53], got ", steps.back());
    }
    if (const std::string name = name_of(i, factor_name); state.texts.count(name) != 0) {
      factors[i] = texts.number<double>(name);
      check_factor("load_state", name.c_str(), factors[i]);
    }
    for (std::size_t k = 0; k < moment_names_.size(); ++k) {
      const std::string full_name = name_of(i, moment_names_[k]);
      const auto found = state.tensors.find(full_name);
      if (found == state.tensors.end() || !found->second)
        fail("load_state", "tensor '", full_name, "' is missing");
      const Tensor &from = found->second, &to = moments_of(i)[k];
      if (!(from.shape() == to.shape()) || from.dtype() != to.dtype()) {
        fail("load_state", "tensor '", full_name, "' is ", from.dtype(), ' ', from.shape(),
             ", the parameter is ", to.dtype(), ' ', to.shape());
      }
      copies.emplace_back(from, to);
      expected.insert(full_name);
    }
  }
  texts.check_all_asked();
  for (const auto& [name, tensor] : state.tensors) {
    if (!expected.count(name))
      fail("load_state", "tensor ", internal::shown(name), " is none of this optimizer's");
  }

  learning_rate_ = learning_rate;
  steps_ = std::move(steps);
  factors_ = std::move(factors);
  for (auto& [from, to] : copies) {
    internal::copy_elements(from, to);
  }
}

}  // namespace taper::optim
