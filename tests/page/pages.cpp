// Writes the tapes that test_page.py opens in a browser, as pages, into the folder named by its argument.
#include <taper/taper.hpp>

#include <cmath>
#include <iostream>
#include <string>

namespace {

using namespace taper;

// The attention example of the zeta.ops page, with the composition that it documents.
void attention(const std::string& path) {
  Generator generator(0);
  Tensor queries = randn({2, 3, 5}, generator), keys = randn({2, 3, 5}, generator),
         values = randn({2, 3, 5}, generator);
  for (Tensor* input : {&queries, &keys, &values}) input->requires_grad();
  Tape tape({.keep_values = true});
  tape.backward(sum(nn::SparseAttention(2)(queries, keys, values)));
  show(tape, path, {.title = "Sparse attention"});
}

// A step of a character transformer.
void transformer(const std::string& path) {
  Generator generator(1);
  const nn::Embedding symbols(12, 8, generator);
  const nn::LearnedPositions positions(6, 8, generator);
  nn::Sequential blocks;
  for (int i = 0; i < 3; ++i) blocks.add(nn::TransformerBlock(8, 2, 2, generator, {.causal = true}));
  const nn::Linear logits(8, 12, generator);
  const Indices tokens({1, 5, 2, 7, 7, 0, 3, 3, 9, 11, 4, 8}, {2, 6}),
      next({5, 2, 7, 7, 0, 1, 3, 9, 11, 4, 8, 3}, {2, 6});
  Tape tape({.keep_values = true});
  const auto named = [](const char* name, auto&& part, auto&& x) {
    const Scope scope(name);
    return part(x);
  };
  const Tensor hidden = named("blocks", blocks, positions(named("symbols", symbols, tokens)));
  tape.backward(nn::cross_entropy(named("logits", logits, hidden), next));
  show(tape, path, {.title = "A step of a character transformer", .largest = 64});
}

// The fused op: kept keys among few, and tiles of many.
void fused(const std::string& path) {
  Generator generator(2);
  Tensor queries = randn({2, 4, 3}, generator, float64), keys = randn({2, 6, 3}, generator, float64),
         values = randn({2, 6, 2}, generator, float64), many = randn({1, 2100, 2}, generator);
  for (Tensor* input : {&queries, &keys, &values, &many}) input->requires_grad();
  Tape tape({.keep_values = true});
  const Tensor few = sparse_attention(queries, keys, values, 3);
  const Tensor loss = sum(square(few));
  sparse_attention(2.0 * many, many, many, 8, {.causal = true});
  const Tensor dq = tape.gradient(loss, {queries}, {.create_graph = true})[0];
  tape.backward(sum(square(dq)));
  show(tape, path, {.title = "sparse_attention", .largest = 64});
}

// A user's own program: an op of its own, values used twice, numbers that are not finite, a second derivative.
void own(const std::string& path) {
  const auto softsign = [](const Tensor& x) {
    const Tensor y = x / (1.0 + abs(x));
    return record("softsign", y.clone(), vjp(x, [x](const Tensor& dy) { return dy / square(1.0 + abs(x)); }));
  };
  const Tensor x = tensor({{-2, 0.5, 3}, {1, 0, -1}}, float64).requires_grad();
  Tape tape({.keep_values = true});
  const Tensor y = softsign(x) * x + sqrt(maximum(x, zeros({2, 3}, float64)));
  const Tensor dx = tape.gradient(sum(y), {x}, {.create_graph = true})[0];
  tape.backward(sum(square(dx)));
  show(tape, path, {.title = "My <own> program & \"more\""});
}

// 3,000 nodes, in scopes that repeat. (test_page.py makes a tape of 100,000 itself.)
void large(const std::string& path) {
  const Tensor w = tensor(0.5).requires_grad();
  Tape tape({.keep_values = true});
  Tensor x = w;
  for (std::size_t i = 0; i < 30; ++i) {
    const Scope scope("steps", i);
    for (int j = 0; j < 50; ++j) x = tanh(x + w);
  }
  tape.backward(x);
  show(tape, path, {.title = "3,000 nodes"});
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::cerr << "usage: pages FOLDER\n", 2;
  const std::string folder = argv[1];
  attention(folder + "/attention.html");
  transformer(folder + "/transformer.html");
  fused(folder + "/fused.html");
  own(folder + "/own.html");
  large(folder + "/large.html");
}
