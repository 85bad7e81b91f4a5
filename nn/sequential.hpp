// Sequential: modules and functions, one after the other.
#pragma once

#include "module.hpp"

#include <functional>
#include <type_traits>
#include <typeinfo>
#include <utility>

namespace taper::nn {

// y = f_n(… f_1(f_0(x))), where each f is a module that maps one tensor to one, or a plain function:
//
//   nn::Sequential model{nn::Linear(2, 8), relu, nn::Linear(8, 1)};
//
// (In braces the layers are made, and draw their weights, from left to right; in parentheses C++ leaves the
// order open.)
//
// The parts are named "0", "1", … in their order, functions included, as in PyTorch: "0.weight", "0.bias",
// "2.weight", "2.bias". They are held by value; as with every module, a copy shares the parameters. An
// overloaded function, such as softmax with its axis, is given as a lambda.
class Sequential : public Module {
 public:
  template <class... Part>
  explicit Sequential(Part... parts) {
    (add(std::move(parts)), ...);
  }

  // Appends a part, and returns *this. Throws on a null function.
  template <class Part>
  Sequential& add(Part part) {
    static_assert(std::is_invocable_r_v<Tensor, Part&, const Tensor&>, "a part maps one Tensor to one");
    const Module* (*as_module)(const Function&) = nullptr;
    if constexpr (std::is_base_of_v<Module, Part>) {
      as_module = [](const Function& held) -> const Module* { return held.target<Part>(); };
    }
    append({Function(std::move(part)), as_module});
    return *this;
  }

  // Part i, to read or to change: model.at<nn::Linear>(0).weight. Throws if there is none or it
  // is not a Part.
  template <class Part>
  const Part& at(std::size_t i) const {
    const Part* found = function(i).template target<Part>();
    if (!found) throw_type(i, typeid(Part));
    return *found;
  }
  template <class Part>
  Part& at(std::size_t i) {
    return const_cast<Part&>(std::as_const(*this).template at<Part>(i));
  }
  std::size_t size() const { return steps_.size(); }

  // x itself if there is no part. Throws what a part throws.
  Tensor operator()(const Tensor& x) const;
  void list(Parts& parts) const override;

 private:
  using Function = std::function<Tensor(const Tensor&)>;
  // std::function copies what it holds along with itself, and can tell what that is.
  struct Step {
    Function apply;
    const Module* (*as_module)(const Function&);  // null: a plain function
  };

  void append(Step step);
  const Function& function(std::size_t i) const;
  [[noreturn]] void throw_type(std::size_t i, const std::type_info& wanted) const;

  std::vector<Step> steps_;
};

}  // namespace taper::nn
