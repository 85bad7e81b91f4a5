// Example 3 of the zeta.ops page: an attention layer whose queries look at two keys each, and its gradients.
#include "common/support.hpp"

int main(int argc, char** argv) {
  CLI::App app(
      "Example 3: a SparseAttention layer, its output, and the gradients of queries, keys and values.");
  std::uint64_t seed = 0;
  std::int64_t k = 2;
  std::string folder;
  app.add_option("--seed", seed, "of the random inputs")->capture_default_str();
  app.add_option("--k", k, "how many keys a query may look at")->capture_default_str();
  app.add_option("--save", folder, "an existing folder to write all tensors to, as .npy files");

  return example::run(app, argc, argv, [&] {
    using namespace taper;
    Generator generator(seed);
    Tensor queries = randn({2, 3, 5}, generator);  // (batch_size, seq_length, model_dim)
    Tensor keys = randn({2, 3, 5}, generator);
    Tensor values = randn({2, 3, 5}, generator);
    for (Tensor* input : {&queries, &keys, &values}) input->requires_grad();

    const nn::SparseAttention attention(k);

    Tape tape;
    const Tensor output = attention(queries, keys, values);
    tape.backward(sum(output));

    std::cout << "output =\n" << output << "\n\n";
    const Tensor scores = bmm(queries, transpose(keys, 1, 2));
    std::cout << "with the formula as written it would be\n"
              << bmm(sparse_softmax_as_written(scores, k), values) << "\n\n";
    std::cout << "with top-k softmax it would be\n" << bmm(topk_softmax(scores, k), values) << "\n\n";
    std::cout << "gradients of the output's sum:\n";
    std::cout << "d queries =\n" << queries.grad() << "\n\n";
    std::cout << "d keys =\n" << keys.grad() << "\n\n";
    std::cout << "d values =\n" << values.grad() << '\n';

    if (!folder.empty()) {
      save_npy(folder + "/queries.npy", queries);
      save_npy(folder + "/keys.npy", keys);
      save_npy(folder + "/values.npy", values);
      save_npy(folder + "/output.npy", output);
      save_npy(folder + "/d_queries.npy", queries.grad());
      save_npy(folder + "/d_keys.npy", keys.grad());
      save_npy(folder + "/d_values.npy", values.grad());
    }
  });
}
