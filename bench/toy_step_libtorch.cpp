// The toy training step and the scalar product, timed with libtorch: the peer of toy_step.cpp.
#include "measure.hpp"

#include <torch/torch.h>

namespace {

torch::Tensor numbers(int stream, torch::IntArrayRef shape, double amplitude) {
  torch::Tensor result = torch::zeros(shape);
  const std::vector<float> values = bench::numbers(stream, static_cast<int>(result.numel()), amplitude);
  std::copy(values.begin(), values.end(), result.data_ptr<float>());
  return result;
}

torch::nn::Linear layer(int index) {
  torch::nn::Linear linear(bench::width, bench::width);
  torch::NoGradGuard no_grad;
  linear->weight.copy_(
      numbers(4 + index, {bench::width, bench::width}, 0.5).t());  // libtorch's is (outputs, inputs)
  linear->bias.copy_(numbers(8 + index, {bench::width}, 0.1));
  return linear;
}

struct Model : torch::nn::Module {
  torch::nn::Linear query = layer(0), key = layer(1), value = layer(2), output = layer(3);
  torch::Tensor ranks = torch::arange(1, bench::k + 1, torch::kFloat32);

  Model() {
    register_module("query", query);
    register_module("key", key);
    register_module("value", value);
    register_module("output", output);
  }

  // The projection onto the simplex with at most k non-zeros, along the last axis; autograd
  // differentiates it.
  torch::Tensor sparse_softmax(const torch::Tensor& z) const {
    const auto [largest, indices] = z.topk(bench::k, -1);
    const torch::Tensor sums = largest.cumsum(-1);
    const torch::Tensor support = (1 + ranks * largest > sums).sum(-1, /*keepdim=*/true);
    const torch::Tensor tau = (sums.gather(-1, support - 1) - 1) / support;
    return torch::zeros_like(z).scatter(-1, indices, (largest - tau).clamp_min(0));
  }

  torch::Tensor forward(const torch::Tensor& queries, const torch::Tensor& keys,
                        const torch::Tensor& values) {
    const torch::Tensor scores = query(queries).bmm(key(keys).transpose(1, 2));
    return output(sparse_softmax(scores).bmm(value(values)));
  }
};

}  // namespace

int main(int argc, char** argv) {
  torch::set_num_threads(1);
  const std::vector<std::int64_t> shape{bench::batch, bench::tokens, bench::width};
  const torch::Tensor queries = numbers(0, shape, 1), keys = numbers(1, shape, 1),
                      values = numbers(2, shape, 1);
  const torch::Tensor target = numbers(3, shape, 1);
  Model model;
  torch::optim::Adam adam(model.parameters(), torch::optim::AdamOptions(bench::learning_rate));

  const auto step = [&] {
    adam.zero_grad();
    const torch::Tensor loss = torch::mse_loss(model.forward(queries, keys, values), target);
    loss.backward();
    adam.step();
    return loss.item<double>();
  };

  torch::Tensor y = torch::ones({}, torch::requires_grad());
  const torch::Tensor one = torch::ones({});
  const auto chain = [&] {
    y.mutable_grad().reset();
    torch::Tensor x = one;
    for (int i = 0; i < bench::chain_length; ++i) x = x * y;
    x.backward();
    return y.grad().item<double>();
  };

  bench::run(bench::parse(argc, argv), step, chain);
}
