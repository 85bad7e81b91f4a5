// Chapter 7: softmax and its three sparse kin. docs/walkthrough/07_sparse_softmax.md is its text.
#include "chapter.hpp"

using namespace taper;

namespace {

void program(walkthrough::Run& run) {
  Tensor z = tensor({run["z0"], run["z1"], run["z2"]}, float64).requires_grad();
  const std::int64_t k = run.whole("k");

  Tape tape({.keep_values = true});
  Tensor dense = softmax(z);
  Tensor sparse = sparse_softmax(z, k);
  Tensor written = sparse_softmax_as_written(z, k);
  Tensor top = topk_softmax(z, k);

  const auto print = [&](const char* name, const Tensor& p) {
    const Tensor first = tensor({1, 0, 0}, float64);
    const Tensor row = tape.gradient(p, {z}, {.keep_graph = true, .cotangent = first})[0];  // of the Jacobian
    run.print(name);
    run.print("p      ", p);
    run.print("row 0  ", row);
  };
  print("softmax", dense);
  print("sparse_softmax", sparse);
  print("sparse_softmax_as_written", written);
  print("topk_softmax", top);
  run.show(tape);
}

const walkthrough::Chapter chapter(
    "07_sparse_softmax", "Softmax and its three sparse kin",
    {{"z0", -2, 2, 1.0}, {"z1", -2, 2, 0.6}, {"z2", -2, 2, -0.5}, {"k", 1, 3, 2, true}}, program);

}  // namespace
