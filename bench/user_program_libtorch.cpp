// The program of user_program.cpp, written with libtorch: small_steps.py times how long it takes to compile.
#include <iostream>

#include <torch/torch.h>

struct Model : torch::nn::Module {
  torch::nn::Linear hidden{2, 16}, output{16, 1};
  Model() {
    register_module("hidden", hidden);
    register_module("output", output);
  }
  torch::Tensor forward(const torch::Tensor& x) { return output(torch::tanh(hidden(x))); }
};

int main() {
  const torch::Tensor x = torch::tensor({{0.f, 0.f}, {0.f, 1.f}, {1.f, 0.f}, {1.f, 1.f}});
  const torch::Tensor target = torch::tensor({{0.f}, {1.f}, {1.f}, {0.f}});  // exclusive or
  Model model;
  torch::optim::Adam adam(model.parameters(), torch::optim::AdamOptions(1e-2));
  for (int step = 0; step < 1000; ++step) {
    adam.zero_grad();
    const torch::Tensor loss = torch::mse_loss(model.forward(x), target);
    loss.backward();
    adam.step();
    if (step % 200 == 0) std::cout << "step " << step << ", loss " << loss.item<double>() << '\n';
  }
  std::cout << model.forward(x) << '\n';
}
