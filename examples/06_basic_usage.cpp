// Example 1 of the zeta.ops page: sparse_softmax of six numbers, beside two other readings of its formula.
#include "common/support.hpp"

int main(int argc, char** argv) {
  CLI::App app(
      "Example 1: sparse_softmax of six numbers, and what the formula as written and top-k softmax give.");
  std::int64_t k = 3;
  app.add_option("--k", k, "how many elements may stay non-zero")->capture_default_str();

  return example::run(app, argc, argv, [&] {
    using namespace taper;
    const Tensor z = tensor({2.0, 1.5, 0.1, -1.0, 3.2, 0.7});

    const auto show = [](const char* name, const Tensor& p) {
      std::cout << name << example::row(p) << "  sum " << example::row(sum(p)) << '\n';
    };
    std::cout << "z                    " << example::row(z) << "  k = " << k << '\n';
    show("sparse_softmax       ", sparse_softmax(z, k));
    show("formula as written   ", sparse_softmax_as_written(z, k));
    show("top-k softmax        ", topk_softmax(z, k));
  });
}
