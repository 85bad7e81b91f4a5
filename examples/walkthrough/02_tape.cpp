// Chapter 2: the tape. docs/walkthrough/02_tape.md is its text.
#include "chapter.hpp"

using namespace taper;

namespace {

void program(walkthrough::Run& run) {
  Tensor w = tensor(run["w"], float64).requires_grad();
  Tensor x = tensor(run["x"], float64).requires_grad();
  Tensor c = tensor(run["c"], float64);  // asks for no gradient

  Tape tape({.keep_values = true});
  Tensor y = x + c * c;
  for (std::int64_t round = 0; round < run.whole("rounds"); ++round) y = y * w;
  if (y.item() < 0) y = -y;

  run.print("y = ", y.item(), ", and the tape has ", tape.node_count(), " nodes");
  run.show(tape);
}

const walkthrough::Chapter chapter(
    "02_tape", "The tape", {{"x", -3, 3, 1}, {"w", -3, 3, 2}, {"c", -3, 3, 1}, {"rounds", 0, 6, 2, true}},
    program);

}  // namespace
