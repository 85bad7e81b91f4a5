// A user's first file, more or less: small_steps.py times how long it takes to compile.
// user_program_libtorch.cpp is its peer.
#include <taper/taper.hpp>

#include <iostream>

using namespace taper;

struct Model : nn::Module {
  nn::Linear hidden{2, 16}, output{16, 1};
  void list(nn::Parts& parts) const override {
    parts.add("hidden", hidden);
    parts.add("output", output);
  }
  Tensor operator()(const Tensor& x) const { return output(tanh(hidden(x))); }
};

int main() {
  const Tensor x = tensor({{0, 0}, {0, 1}, {1, 0}, {1, 1}}),
               target = tensor({{0}, {1}, {1}, {0}});  // exclusive or
  const Model model;
  optim::Adam adam(model.parameters(), {.learning_rate = 1e-2});
  for (int step = 0; step < 1000; ++step) {
    adam.zero_grad();
    Tape tape;
    const Tensor loss = nn::mean_squared_error(model(x), target);
    tape.backward(loss);
    adam.step();
    if (step % 200 == 0) std::cout << "step " << step << ", loss " << loss.item() << '\n';
  }
  std::cout << model(x) << '\n';
}
