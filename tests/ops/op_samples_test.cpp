// The ops on the inputs with which PyTorch tests its own: golden/op_samples.safetensors, which
// golden/make_op_samples.py describes. Values, first and second gradients, special values included.
#include "support/helpers.hpp"
#include "support/samples.hpp"
#include <taper/taper.hpp>

#include <map>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

using Json = nlohmann::json;

Call variance(Tensor (*f)(const Tensor&, const Axes&, bool, const VarOptions&)) {
  return [f](const Tensors& x, const Json& a) {
    return f(x[0], Axes(shape_of(a["axes"])), a["keepdims"].get<bool>(),
             {.correction = a["correction"].get<double>()});
  };
}
Call triangle(Tensor (*f)(const Tensor&, std::int64_t)) {
  return [f](const Tensors& x, const Json& a) { return f(x[0], a["diagonal"].get<std::int64_t>()); };
}
Call place(Indices (*f)(const Tensor&, int, bool)) {
  return [f](const Tensors& x, const Json& a) -> Tensor {
    const Indices found = f(x[0], a["axis"].get<int>(), false);
    Tensor numbers = zeros(found.shape(), float64);
    for (std::int64_t i = 0; i < found.size(); ++i)
      numbers.mutable_data<double>()[i] = static_cast<double>(found[i]);
    return numbers;
  };
}

Size2d size_of(const Json& pair) { return {pair[0].get<std::int64_t>(), pair[1].get<std::int64_t>()}; }
Tensor convolve(const Tensors& x, const Json& a) {
  const Conv2dOptions options{size_of(a["stride"]), size_of(a["padding"]), size_of(a["dilation"]),
                              a["groups"].get<std::int64_t>()};
  return x.size() == 3 ? conv2d(x[0], x[1], x[2], options) : conv2d(x[0], x[1], options);
}
Call pooled(Tensor (*f)(const Tensor&, const Size2d&, const Pool2dOptions&)) {
  return [f](const Tensors& x, const Json& a) {
    return f(x[0], size_of(a["size"]), {size_of(a["stride"]), size_of(a["padding"])});
  };
}

const std::map<std::string, Call>& calls() {
  static const std::map<std::string, Call> table{
      {"abs", unary(abs)},
      {"argmax", place(argmax)},
      {"argmin", place(argmin)},
      {"avg_pool2d", pooled(avg_pool2d)},
      {"batch_norm",
       [](const Tensors& x, const Json& a) {
         return batch_norm(x[0], x[1], x[2], a["epsilon"].get<double>()).y;
       }},
      {"clamp", [](const Tensors& x,
                   const Json& a) { return clamp(x[0], a["low"].get<double>(), a["high"].get<double>()); }},
      {"conv2d", convolve},
      {"cos", unary(cos)},
      {"cumsum", along(cumsum)},
      {"elu", [](const Tensors& x, const Json& a) { return elu(x[0], a.value("alpha", 1.0)); }},
      {"equal", binary<Mask>(equal)},
      {"erf", unary(erf)},
      {"exp", unary(exp)},
      {"expm1", unary(expm1)},
      {"flip", [](const Tensors& x, const Json& a) { return flip(x[0], Axes(shape_of(a["axes"]))); }},
      {"gelu", unary(gelu)},
      {"greater", binary<Mask>(greater)},
      {"greater_equal", binary<Mask>(greater_equal)},
      {"leaky_relu",
       [](const Tensors& x, const Json& a) { return leaky_relu(x[0], a.value("slope", 0.01)); }},
      {"less", binary<Mask>(less)},
      {"less_equal", binary<Mask>(less_equal)},
      {"log", unary(log)},
      {"log1p", unary(log1p)},
      {"log_sigmoid", unary(log_sigmoid)},
      {"logsumexp", reduction(logsumexp)},
      {"max", reduction(max)},
      {"max_pool2d", pooled(max_pool2d)},
      {"maximum", binary<Tensor>(maximum)},
      {"min", reduction(min)},
      {"minimum", binary<Tensor>(minimum)},
      {"neg", unary(neg)},
      {"norm", reduction(norm)},
      {"not_equal", binary<Mask>(not_equal)},
      {"pad",
       [](const Tensors& x, const Json& a) {
         std::vector<Padding> paddings;
         for (const Json& each : a["widths"])
           paddings.push_back({each[0].get<std::int64_t>(), each[1].get<std::int64_t>()});
         return pad(x[0], paddings, a["value"].get<double>());
       }},
      {"permute", [](const Tensors& x, const Json& a) { return permute(x[0], shape_of(a["axes"])); }},
      {"prod", reduction(prod)},
      {"relu", unary(relu)},
      {"sigmoid", unary(sigmoid)},
      {"silu", unary(silu)},
      {"sin", unary(sin)},
      {"softplus", unary(softplus)},
      {"sort",
       [](const Tensors& x, const Json& a) {
         return sort(x[0], a["axis"].get<int>(), a["descending"].get<bool>()).values;
       }},
      {"split",
       [](const Tensors& x, const Json& a) {
         return split(x[0], a["sizes"].get<std::vector<std::int64_t>>(),
                      a["axis"].get<int>())[a["part"].get<std::size_t>()];
       }},
      {"sqrt", unary(sqrt)},
      {"square", unary(square)},
      {"squeeze", [](const Tensors& x, const Json& a) { return squeeze(x[0], Axes(shape_of(a["axes"]))); }},
      {"stack", [](const Tensors& x, const Json& a) { return stack(x, a["axis"].get<int>()); }},
      {"stddev", variance(stddev)},
      {"tanh", unary(tanh)},
      {"top_k",
       [](const Tensors& x, const Json& a) {
         return top_k(x[0], a["k"].get<std::int64_t>(), a["axis"].get<int>()).values;
       }},
      {"tril", triangle(tril)},
      {"triu", triangle(triu)},
      {"unsqueeze", along(unsqueeze)},
      {"var", variance(var)},
  };
  return table;
}

TEST(OpSamples, ValuesAndGradientsOfTwoOrdersAgreeWithPyTorch) {
  expect_samples("op_samples.safetensors", calls());
}

}  // namespace
}  // namespace taper::test
