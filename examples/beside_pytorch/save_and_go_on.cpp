#include <taper/taper.hpp>

#include <iostream>

using namespace taper;

struct Training {
  Generator generator{1};
  nn::Sequential model{nn::Linear(8, 32, generator), relu, nn::Linear(32, 1, generator)};
  optim::Adam adam{model.parameters(), {.learning_rate = 0.01}};
  nn::Run run{model, adam, generator};

  double train_until(std::int64_t last) {
    double latest = 0;
    for (; run.step < last; ++run.step) {
      const Tensor x = randn({64, 8}, generator);
      Tape tape;
      const Tensor loss = nn::mean_squared_error(model(x), sum(square(x), 1, true));
      adam.zero_grad();
      tape.backward(loss);
      adam.step();
      latest = loss.item();
    }
    return latest;
  }
};

int main() {
  Training stopped, resumed, whole;
  stopped.train_until(200);
  save_checkpoint("run.safetensors", stopped.run);
  load_checkpoint("run.safetensors", resumed.run);
  std::cout << "the same: " << (resumed.train_until(400) == whole.train_until(400)) << '\n';
}
