// Chapter 9: a training step. docs/walkthrough/09_training_step.md is its text.
#include "chapter.hpp"

using namespace taper;

namespace {

void program(walkthrough::Run& run) {
  const Tensor x = tensor({0, 1, 2, 3}, float64), target = tensor({1, 3, 5, 7}, float64);
  Tensor slope = tensor(0, float64).requires_grad(), intercept = tensor(0, float64).requires_grad();
  optim::Sgd sgd({slope, intercept}, {.learning_rate = run["rate"]});

  for (std::int64_t step = 0;; ++step) {
    Tape tape({.keep_values = true});
    Tensor loss = nn::mean_squared_error(slope * x + intercept, target);
    sgd.zero_grad();
    tape.backward(loss);
    run.print("step ", step, ": loss ", loss.item(), ", line ", slope.item(), " x + ", intercept.item());
    if (step == run.whole("steps")) return run.show(tape);
    sgd.step();
  }
}

const walkthrough::Chapter chapter(
    "09_training_step", "A training step",
    {{.name = "rate", .from = 0.001, .to = 1, .start = 0.1, .is_logarithmic = true},
     {"steps", 0, 20, 1, true}},
    program);

}  // namespace
