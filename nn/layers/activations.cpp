// The activations as modules: the calls of the ops.
#include "activations.hpp"

#include "../../ops/activation/elu.hpp"
#include "../../ops/activation/gelu.hpp"
#include "../../ops/activation/leaky_relu.hpp"
#include "../../ops/activation/log_sigmoid.hpp"
#include "../../ops/activation/relu.hpp"
#include "../../ops/activation/sigmoid.hpp"
#include "../../ops/activation/silu.hpp"
#include "../../ops/activation/softplus.hpp"
#include "../../ops/activation/tanh.hpp"
#include "../../ops/softmax/softmax.hpp"

namespace taper::nn {

Tensor Relu::operator()(const Tensor& x) const { return relu(x); }
Tensor Elu::operator()(const Tensor& x) const { return elu(x, alpha_); }
Tensor LeakyRelu::operator()(const Tensor& x) const { return leaky_relu(x, slope_); }
Tensor Gelu::operator()(const Tensor& x) const { return gelu(x); }
Tensor Silu::operator()(const Tensor& x) const { return silu(x); }
Tensor Softplus::operator()(const Tensor& x) const { return softplus(x); }
Tensor Sigmoid::operator()(const Tensor& x) const { return sigmoid(x); }
Tensor LogSigmoid::operator()(const Tensor& x) const { return log_sigmoid(x); }
Tensor Tanh::operator()(const Tensor& x) const { return tanh(x); }
Tensor Softmax::operator()(const Tensor& x) const { return softmax(x, axis_); }

}  // namespace taper::nn
