// Sequential: the parts in their order.
#include "sequential.hpp"

#include "../core/fail.hpp"
#include "type_name.hpp"

namespace taper::nn {
void Sequential::append(Step step) {
  if (!step.apply) fail("Sequential", "part ", steps_.size(), " is a null function");
  steps_.push_back(std::move(step));
}

const Sequential::Function& Sequential::function(std::size_t i) const {
  if (i >= steps_.size()) fail("Sequential", "part ", i, " was asked for, of ", steps_.size());
  return steps_[i].apply;
}

void Sequential::throw_type(std::size_t i, const std::type_info& wanted) const {
  fail("Sequential", "part ", i, " is a ", internal::type_name(steps_[i].apply.target_type()),
       ", asked for as a ", internal::type_name(wanted));
}

Tensor Sequential::operator()(const Tensor& x) const {
  check_given("Sequential", "x", x);
  const Scope scope = Scope::outermost("Sequential");
  Tensor y = x;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const Scope part(i);
    y = steps_[i].apply(y);
  }
  return y;
}

void Sequential::list(Parts& parts) const {
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    if (steps_[i].as_module) parts.add(std::to_string(i), *steps_[i].as_module(steps_[i].apply));
  }
}

}  // namespace taper::nn
