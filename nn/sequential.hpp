// Sequential: modules and functions, one after the other.
#pragma once

#include "module.hpp"

#include <functional>
#include <type_traits>
#include <typeinfo>
#include <utility>

namespace taper {

namespace nn {
class Sequential;
}

namespace internal {

// One part: a module or a function, held by value. Its first constructor is no template, so that the name of
// an overloaded function stands for the overload of that type: `tanh`, which the C library has too.
class SequentialPart {
 public:
  SequentialPart(Tensor (*function)(const Tensor&)) : apply_(function) {}
  template <class Part>
  SequentialPart(Part part) : apply_(std::move(part)) {
    static_assert(std::is_invocable_r_v<Tensor, Part&, const Tensor&>, "a part maps one Tensor to one");
    if constexpr (std::is_base_of_v<nn::Module, Part>) {
      as_module_ = [](const Function& held) -> const nn::Module* { return held.target<Part>(); };
    }
  }
  // No part, in the constructor of Sequential.
  SequentialPart() : is_given_(false) {}

 private:
  friend class nn::Sequential;
  // std::function copies what it holds along with itself, and can tell what that is.
  using Function = std::function<Tensor(const Tensor&)>;

  Function apply_;
  const nn::Module* (*as_module_)(const Function&) = nullptr;  // null: a plain function
  bool is_given_ = true;
};

}  // namespace internal

namespace nn {

// y = f_n(… f_1(f_0(x))), where each f is a module that maps one tensor to one, or a plain function:
//
//   nn::Sequential model{nn::Linear(2, 8), relu, nn::Linear(8, 1)};
//
// (In braces the layers are made, and draw their weights, from left to right; in parentheses C++ leaves the
// order open.)
//
// The parts are named "0", "1", … in their order, functions included, as in PyTorch: "0.weight", "0.bias",
// "2.weight", "2.bias". They are held by value; as with every module, a copy shares the parameters. Functions
// are those of one tensor: softmax, which has an axis besides, is the module nn::Softmax, or a lambda.
class Sequential : public Module {
 public:
  using Part = taper::internal::SequentialPart;

  // Up to 32 parts; add() appends any number. (A template of any number could not take an overloaded name.)
  // clang-format off
  explicit Sequential(
      Part p0 = {}, Part p1 = {}, Part p2 = {}, Part p3 = {}, Part p4 = {}, Part p5 = {},
      Part p6 = {}, Part p7 = {}, Part p8 = {}, Part p9 = {}, Part p10 = {}, Part p11 = {},
      Part p12 = {}, Part p13 = {}, Part p14 = {}, Part p15 = {}, Part p16 = {}, Part p17 = {},
      Part p18 = {}, Part p19 = {}, Part p20 = {}, Part p21 = {}, Part p22 = {}, Part p23 = {},
      Part p24 = {}, Part p25 = {}, Part p26 = {}, Part p27 = {}, Part p28 = {}, Part p29 = {},
      Part p30 = {}, Part p31 = {});
  // clang-format on

  // Appends a part, and returns *this. Throws on a null function.
  Sequential& add(Part part);

  // Part i, to read or to change: model.at<nn::Linear>(0).weight. Throws if there is none or it
  // is not of that kind.
  template <class Kind>
  const Kind& at(std::size_t i) const {
    const Kind* found = function(i).template target<Kind>();
    if (!found) throw_type(i, typeid(Kind));
    return *found;
  }
  template <class Kind>
  Kind& at(std::size_t i) {
    return const_cast<Kind&>(std::as_const(*this).template at<Kind>(i));
  }
  std::size_t size() const { return parts_.size(); }

  // x itself if there is no part. Throws what a part throws.
  Tensor operator()(const Tensor& x) const;
  void list(Parts& parts) const override;

 private:
  const std::function<Tensor(const Tensor&)>& function(std::size_t i) const;
  [[noreturn]] void throw_type(std::size_t i, const std::type_info& wanted) const;

  std::vector<Part> parts_;
};

}  // namespace nn
}  // namespace taper
