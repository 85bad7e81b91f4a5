// Example 2 of the zeta.ops page: a batch of rows, each projected on its own.
#include "common/support.hpp"

int main(int argc, char** argv) {
  CLI::App app(
      "Example 2: sparse_softmax of a batch of four rows, and what the formula as written and top-k softmax "
      "give.");
  std::int64_t k = 2;
  app.add_option("--k", k, "how many elements of a row may stay non-zero")->capture_default_str();

  return example::run(app, argc, argv, [&] {
    using namespace taper;
    const Tensor batch = tensor({{2.0, -0.5}, {1.5, -1.0}, {0.1, 2.5}, {-1.0, 3.0}});

    // The page computes one row at a time and stacks the results; the op does the whole batch at once, along
    // the last axis.
    const Tensor projected = sparse_softmax(batch, k);
    std::cout << "sparse_softmax(batch, " << k << ") =\n" << projected << "\n\n";

    std::cout << "row by row:\n";
    const Tensor as_written = sparse_softmax_as_written(batch, k), top_k = topk_softmax(batch, k);
    for (std::int64_t i = 0; i < batch.extent(0); ++i) {
      const auto row_of = [i](const Tensor& x) { return example::row(slice(x, 0, i, i + 1)); };
      std::cout << "z " << row_of(batch) << "  sparse_softmax " << row_of(projected)
                << "  formula as written " << row_of(as_written) << "  top-k softmax " << row_of(top_k)
                << '\n';
    }
  });
}
