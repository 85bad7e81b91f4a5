// A plugin that holds a Taper of its own. plugin_test.cpp loads it.
#include <taper/taper.hpp>

// Trains a layer for a step, with threads, and returns the gradient's sum.
extern "C" [[gnu::visibility("default")]] double train() {
  using namespace taper;
  set_thread_count(4);
  const Tensor weight = ones({256, 256}).requires_grad(), x = full({512, 256}, 0.5);
  Tape tape;
  tape.backward(sum(relu(matmul(x, weight))));
  return sum(weight.grad()).item();
}

// Lets an Error cross the border of the plugin.
extern "C" [[gnu::visibility("default")]] void fail() { taper::ones({2}).item(); }
