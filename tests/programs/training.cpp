// A training run that can be killed at any moment: tests/io/kill_test.cpp does so. It goes on from the
// checkpoint in FOLDER if there is one, and saves after every step. Usage: training FOLDER STEPS. Prints
// "step loss", the loss in the hexadecimal digits of its bits.
#include <taper/taper.hpp>

#include <bit>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>

int main(int argc, char** argv) {
  using namespace taper;
  if (argc != 3) return 2;
  try {
    const std::string path = std::string(argv[1]) + "/checkpoint.safetensors";
    Generator generator(7);
    const nn::Linear model(6, 3, generator);
    optim::Adam adam(model.parameters());
    nn::Run run{model, adam, generator};
    run.extras.tensors["ballast"] = zeros({20000});  // so that writing takes its time
    if (std::filesystem::exists(path)) load_checkpoint(path, run);
    while (run.step < std::atoll(argv[2])) {
      const Tensor x = randn({5, 6}, generator), target = randn({5, 3}, generator);
      Tape tape;
      const Tensor loss = nn::mean_squared_error(model(x), target);
      adam.zero_grad();
      tape.backward(loss);
      adam.step();
      std::printf("%" PRId64 " %016" PRIx64 "\n", run.step, std::bit_cast<std::uint64_t>(loss.item()));
      std::fflush(stdout);
      ++run.step;
      save_checkpoint(path, run);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
