// Optimizer: the parameters, sharing out a step, and the state.
#include "optimizer.hpp"

#include "../../core/create.hpp"
#include "../../core/fail.hpp"
#include "../../core/io/number_text.hpp"
#include "../../core/io/safetensors.hpp"
#include "../../core/memory/transfer.hpp"
#include "../../ops/kernels/backend.hpp"
#include "pieces.hpp"

#include <cmath>
#include <set>

namespace taper::optim {
namespace {

void check_learning_rate(const char* op, double rate) {
  if (!(rate >= 0 && std::isfinite(rate)))
    fail(op, "learning_rate must be finite and at least 0, got ", rate);
}

constexpr auto most_steps = std::int64_t{1} << 53;  // Adam's t is a double, which counts as far as this

std::string name_of(std::size_t i, const std::string& name) { return std::to_string(i) + '.' + name; }

// The texts of a state, each of which has to be asked for.
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
    if (!taper::detail::from_text(text, value))
      fail("load_state", "text '", name, "' must be a number, got ", taper::detail::shown(text));
    return value;
  }
  void check_all_asked() const {
    for (const auto& [name, text] : texts_) {
      if (!asked_.count(name))
        fail("load_state", "text ", taper::detail::shown(name), " is none of this optimizer's");
    }
  }

 private:
  const std::map<std::string, std::string>& texts_;
  std::set<std::string> asked_;
};

}  // namespace

Optimizer::Optimizer(const char* kind, std::vector<Tensor> parameters, double learning_rate)
    : parameters_(std::move(parameters)),
      learning_rate_(learning_rate),
      steps_(parameters_.size()),
      kind_(kind) {
  check_learning_rate(kind, learning_rate);
  if (parameters_.empty()) fail(kind, "parameters is empty: wanted at least one");
  taper::detail::check_given("Optimizer", "parameters", parameters_);
  std::map<const std::byte*, std::size_t> seen;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    if (!parameters_[i].wants_grad()) {
      fail("Optimizer", "parameters[", i, "] of shape ", parameters_[i].shape(),
           " does not ask for a gradient: leave out what is frozen, or call requires_grad() on it");
    }
    const auto [first, is_new] = seen.emplace(parameters_[i].impl().data, i);
    if (!is_new) {
      fail("Optimizer", "parameters[", i, "] of shape ", parameters_[i].shape(),
           " has the same elements as parameters[", first->second, "]: list a shared parameter once");
    }
  }
}

void Optimizer::step() {
  taper::detail::PoolVector<Tensor> gradients(parameters_.size());
  taper::detail::PoolVector<std::int64_t> sizes(parameters_.size());
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    gradients[i] = parameters_[i].grad();
    if (!gradients[i]) continue;
    ++steps_[i];
    move_moments(i, parameters_[i].kind());
    if (const kernels::Backend* backend = kernels::backend_of(parameters_[i])) {
      update(*backend, i, gradients[i]);
    } else {
      sizes[i] = gradients[i].size();
    }
  }
  for_each_piece(sizes, [&](std::int64_t, std::size_t i, std::int64_t begin, std::int64_t end) {
    update(i, gradients[i], begin, end);
  });
}

void Optimizer::zero_grad() {
  for (Tensor& parameter : parameters_) parameter.zero_grad();
}

void Optimizer::set_learning_rate(double learning_rate) {
  check_learning_rate("set_learning_rate", learning_rate);
  learning_rate_ = learning_rate;
}

std::vector<Tensor> Optimizer::zeros_like_parameters() const {
  std::vector<Tensor> result;
  for (const Tensor& parameter : parameters_) result.push_back(zeros(parameter.shape(), parameter.kind()));
  return result;
}

State Optimizer::state() const {
  const Description description = describe();
  State state;
  state.texts["optimizer"] = kind_;
  state.texts["parameters"] = taper::detail::to_text(static_cast<std::int64_t>(parameters_.size()));
  state.texts["learning_rate"] = taper::detail::to_text(learning_rate_);
  for (const auto& [name, value] : description.settings) state.texts[name] = taper::detail::to_text(value);
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    state.texts[name_of(i, "steps")] = taper::detail::to_text(steps_[i]);
    for (const auto& [name, moment] : description.moments) {
      state.tensors[name_of(i, name)] = taper::detail::copied("state", moment[i], parameters_[i].kind());
    }
  }
  return state;
}

void Optimizer::load_state(const State& state) {
  // The parameters may have another dtype since the last step.
  for (std::size_t i = 0; i < parameters_.size(); ++i) move_moments(i, parameters_[i].kind());
  const Description description = describe();
  Texts texts(state.texts);
  if (texts("optimizer") != kind_) {
    fail("load_state", "the state is of the optimizer ", taper::detail::shown(texts("optimizer")),
         ", this one is ", kind_);
  }
  if (const auto count = texts.number<std::int64_t>("parameters");
      count != static_cast<std::int64_t>(parameters_.size())) {
    fail("load_state", "the state is of ", count, " parameters, this optimizer has ", parameters_.size());
  }
  const auto learning_rate = texts.number<double>("learning_rate");
  check_learning_rate("load_state", learning_rate);
  for (const auto& [name, here] : description.settings) {
    if (const auto there = texts.number<double>(name); there != here) {
      fail("load_state", name, " is ", taper::detail::to_text(there), " in the state and ",
           taper::detail::to_text(here), " here");
    }
  }
  std::vector<std::int64_t> steps;
  std::vector<std::pair<Tensor, Tensor>> copies;  // from, to
  std::set<std::string> expected;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    steps.push_back(texts.number<std::int64_t>(name_of(i, "steps")));
    if (steps.back() < 0 || steps.back() > most_steps) {
      fail("load_state", "'", name_of(i, "steps"), "' must be in [0, 2^53], got ", steps.back());
    }
    for (const auto& [name, moment] : description.moments) {
      const std::string full_name = name_of(i, name);
      const auto found = state.tensors.find(full_name);
      if (found == state.tensors.end() || !found->second)
        fail("load_state", "tensor '", full_name, "' is missing");
      const Tensor &from = found->second, &to = moment[i];
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
      fail("load_state", "tensor ", taper::detail::shown(name), " is none of this optimizer's");
  }

  learning_rate_ = learning_rate;
  steps_ = std::move(steps);
  for (auto& [from, to] : copies) {
    taper::detail::copy_elements(from, to);
  }
}

}  // namespace taper::optim
