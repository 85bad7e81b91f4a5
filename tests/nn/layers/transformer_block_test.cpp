// TransformerBlock against PyTorch and against the same written out by hand, its parameters, options, modes
// and errors.
#include "support/golden.hpp"
#include "support/helpers.hpp"
#include <taper/taper.hpp>

#include <algorithm>
#include <cmath>
#include <map>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

using nn::TransformerBlock;
using nn::TransformerBlockOptions;

constexpr std::int64_t width = 8, heads = 2;

Tensor norm_by_hand(const Tensor& x, const Tensor& gain, const Tensor& bias, double epsilon) {
  const Tensor centred = bias ? x - mean(x, -1, true) : x;
  const Tensor y = centred / sqrt(mean(square(centred), -1, true) + epsilon) * gain;
  return bias ? y + bias : y;
}

// The block's parameters by name.
struct Weights {
  explicit Weights(const TransformerBlock& block) {
    for (const auto& [name, parameter] : block.named_parameters()) all[name] = parameter;
  }
  Tensor operator[](const std::string& name) const {
    const auto found = all.find(name);
    return found == all.end() ? Tensor() : found->second;
  }
  Tensor linear(const std::string& name, const Tensor& x) const {
    const Tensor y = matmul(x, (*this)[name + ".weight"]), bias = (*this)[name + ".bias"];
    return bias ? y + bias : y;
  }
  Tensor norm(const std::string& name, const Tensor& x) const {
    const Tensor bias = (*this)[name + ".bias"];
    return norm_by_hand(x, (*this)[name + ".gain"], bias, bias ? 1e-5 : 1e-6);
  }
  std::map<std::string, Tensor> all;
};

// Everything in plain ops, one head after the other, without dropout.
Tensor by_hand(const TransformerBlock& block, std::int64_t k, const TransformerBlockOptions& options,
               const Tensor& x, const Tensor& mask = {}) {
  const Weights w(block);
  const Tensor normalised = w.norm("norm1", x);
  const Tensor q = w.linear("attention.query", normalised), keys = w.linear("attention.key", normalised),
               v = w.linear("attention.value", normalised);
  const std::int64_t n = x.extent(1), d = width / heads;
  Tensor seen = ones({n, n});
  for (std::int64_t i = 0; i < n && options.causal; ++i) {
    for (std::int64_t j = i + 1; j < n; ++j) seen.mutable_data<float>()[i * n + j] = 0;
  }
  if (mask) seen = seen * mask;
  Tensors outputs;
  for (std::int64_t at = 0; at < width; at += d) {
    Tensor own_q = slice(q, 2, at, at + d), own_k = slice(keys, 2, at, at + d);
    if (options.rotary) own_q = rotary(own_q), own_k = rotary(own_k);
    Tensor scores = bmm(own_q, own_k, false, true) * (1 / std::sqrt(static_cast<double>(d)));
    scores = where(seen, scores, scalar_like(-1e300, scores));
    const Tensor p =
        options.method == nn::AttentionMethod::dense ? softmax(scores) : sparse_softmax(scores, k);
    outputs.push_back(bmm(p, slice(v, 2, at, at + d)));
  }
  const Tensor y = x + w.linear("attention.output", concat(outputs, 2));
  return y + w.linear("mlp.output", gelu(w.linear("mlp.hidden", w.norm("norm2", y))));
}

// Parameters away from where they start, so that a gain or a bias that is left out shows.
void stir(const TransformerBlock& block, Generator& generator) {
  for (Tensor parameter : block.parameters()) {
    const std::vector<double> noise = randn(parameter.shape(), generator, float64).to_vector();
    double* p = parameter.mutable_data<double>();
    for (std::size_t i = 0; i < noise.size(); ++i) p[i] += 0.3 * noise[i];
  }
}

Tensors with_gradients(const TransformerBlock& block, const Function& f, const Tensor& x) {
  Generator generator(1);
  const Tensor leaf = x.clone().requires_grad();
  Tape tape;
  const Tensor z = f(leaf);
  Tensors leaves = block.parameters();
  leaves.push_back(leaf);
  Tensors result = tape.gradient(z, leaves, {.cotangent = randn(z.shape(), generator, float64)});
  result.push_back(z);
  return result;
}

TEST(TransformerBlock, IsWhatIsWrittenOutByHand) {
  Generator generator(1);
  const std::vector<TransformerBlockOptions> cases{
      {},
      {.causal = true},
      {.causal = true, .rotary = true},
      {.causal = true, .method = nn::AttentionMethod::dense},
      {.rotary = true, .method = nn::AttentionMethod::dense, .norm = nn::Norm::rms},
      {.causal = true, .hidden = 5, .norm = nn::Norm::rms, .bias = false},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(i);
    TransformerBlockOptions options = cases[i];
    options.dtype = float64;
    const TransformerBlock block(width, heads, 3, generator, options);
    stir(block, generator);
    const Tensor x = randn({2, 6, width}, generator, float64);
    const Tensor mask = tensor({1, 1, 0, 1, 1, 1});
    const Tensors found = with_gradients(
        block, [&](const Tensor& in) { return block(in); }, x);
    const Tensors wanted = with_gradients(
        block, [&](const Tensor& in) { return by_hand(block, 3, options, in); }, x);
    ASSERT_EQ(found.size(), wanted.size());
    for (std::size_t j = 0; j < found.size(); ++j) expect_close(found[j], wanted[j], 1e-11);
    expect_close(block(x, {.mask = mask}), by_hand(block, 3, options, x, mask));
  }
}

// golden/make_transformer_block.py: PyTorch's own TransformerEncoderLayer for the dense ones.
TEST(TransformerBlock, AgreesWithPyTorch) {
  std::ifstream file(std::string(TAPER_GOLDEN_DIR) + "/transformer_block.json");
  const nlohmann::json stored = nlohmann::json::parse(file);
  EXPECT_EQ(stored["blocks"].size(), 5u);
  for (const nlohmann::json& entry : stored["blocks"]) {
    const nlohmann::json& options = entry["options"];
    SCOPED_TRACE(options.dump());
    const TransformerBlock block(
        options["width"].get<std::int64_t>(), options["heads"].get<std::int64_t>(),
        options["k"].get<std::int64_t>(),
        {.causal = options["causal"].get<bool>(),
         .rotary = options["rotary"].get<bool>(),
         .method = options["dense"].get<bool>() ? nn::AttentionMethod::dense : nn::AttentionMethod::fused,
         .hidden = options["hidden"].get<std::int64_t>(),
         .norm = options["norm"] == "rms" ? nn::Norm::rms : nn::Norm::layer,
         .bias = options["bias"].get<bool>(),
         .dtype = float64});
    ASSERT_EQ(block.named_parameters().size(), entry["parameters"].size());
    for (auto& [name, parameter] : block.named_parameters()) {
      const Tensor value = tensor_of(entry["parameters"].at(name));
      ASSERT_TRUE(parameter.shape() == value.shape()) << name;
      Tensor handle = parameter;
      std::copy_n(value.data<double>(), value.size(), handle.mutable_data<double>());
    }
    const Tensor x = tensor_of(entry["x"]).requires_grad();
    Tape tape;
    const Tensor z = block(x);
    expect_close(z, tensor_of(entry["z"]));
    tape.backward(z, {.cotangent = tensor_of(entry["cotangent"])});
    expect_close(x.grad(), tensor_of(entry["gradients"]["x"]));
    for (const auto& [name, parameter] : block.named_parameters()) {
      SCOPED_TRACE(name);
      expect_close(parameter.grad(), tensor_of(entry["gradients"].at(name)));
    }
  }
}

TEST(TransformerBlock, Gradcheck) {
  Generator generator(7);
  for (const nn::AttentionMethod method : {nn::AttentionMethod::fused, nn::AttentionMethod::dense}) {
    const TransformerBlock block(4, 2, 2, generator,
                                 {.causal = true, .rotary = true, .method = method, .dtype = float64});
    stir(block, generator);
    const Tensors inputs{randn({1, 3, 4}, generator, float64)};
    const auto f = [&](const Tensors& x) { return block(x[0]); };
    const GradcheckReport first = gradcheck(f, inputs), second = gradgradcheck(f, inputs);
    EXPECT_TRUE(first.ok()) << first;
    EXPECT_EQ(first.kinks.size(), 0u) << first;
    EXPECT_TRUE(second.ok()) << second;
  }
}

TEST(TransformerBlock, NamesItsParameters) {
  const auto names = [](const TransformerBlock& block) {
    std::vector<std::string> result;
    for (const auto& [name, parameter] : block.named_parameters()) {
      result.push_back(name);
      EXPECT_TRUE(parameter.wants_grad()) << name;
    }
    return result;
  };
  EXPECT_EQ(
      names(TransformerBlock(4, 2, 1)),
      (std::vector<std::string>{"norm1.gain", "norm1.bias", "attention.query.weight", "attention.query.bias",
                                "attention.key.weight", "attention.key.bias", "attention.value.weight",
                                "attention.value.bias", "attention.output.weight", "attention.output.bias",
                                "norm2.gain", "norm2.bias", "mlp.hidden.weight", "mlp.hidden.bias",
                                "mlp.output.weight", "mlp.output.bias"}));
  const TransformerBlock bare(4, 2, 1, {.hidden = 6, .norm = nn::Norm::rms, .bias = false, .dtype = float64});
  EXPECT_EQ(names(bare),
            (std::vector<std::string>{"norm1.gain", "attention.query.weight", "attention.key.weight",
                                      "attention.value.weight", "attention.output.weight", "norm2.gain",
                                      "mlp.hidden.weight", "mlp.output.weight"}));
  EXPECT_EQ(bare.mlp.hidden.weight.shape(), (Shape{4, 6}));
  EXPECT_EQ(TransformerBlock(4, 2, 1).mlp.hidden.weight.shape(), (Shape{4, 16}));
  for (const Tensor& parameter : bare.parameters()) EXPECT_EQ(parameter.dtype(), float64);
}

// Attention's parts are drawn first, then the perceptron's.
TEST(TransformerBlock, DrawsItsPartsInOrder) {
  Generator one(2), two(2);
  const TransformerBlock block(4, 2, 3, one);
  const nn::MultiHeadSparseAttention attention(4, 2, 3, two);
  const nn::Mlp mlp(4, 16, two);
  expect_same(block.attention.output.bias, attention.output.bias);
  expect_same(block.mlp.output.bias, mlp.output.bias);
}

TEST(TransformerBlock, DropoutIsOnBothBranchesAndOffInEvaluation) {
  Generator generator(3);
  const TransformerBlock plain(width, heads, 3, generator, {.dtype = float64});
  Generator one(4), two(4);
  TransformerBlock block(width, heads, 3, one, {.dropout = 0.4, .dtype = float64});
  block.norm1 = plain.norm1, block.norm2 = plain.norm2;
  block.attention = plain.attention, block.mlp = plain.mlp;
  two = one;  // where the weights left it
  const Tensor x = randn({2, 5, width}, generator, float64);
  const nn::Dropout drop(0.4, two);
  const auto norm = [&](const auto& layer, const Tensor& t) { return std::get<nn::LayerNorm>(layer)(t); };
  const Tensor y = x + drop(plain.attention(norm(plain.norm1, x)));
  const Tensor z = y + drop(plain.mlp(norm(plain.norm2, y)));
  const Tensor found = block(x);
  expect_same(found, z);
  EXPECT_GT(sum(abs(found - plain(x))).item(), 0.1);
  block.eval();
  expect_same(block(x), plain(x));
}

TEST(TransformerBlock, WithoutAGeneratorUsesTheDefaultOneThroughout) {
  const Generator kept = default_generator();
  Generator generator(5);
  const Tensor x = ones({1, 3, width});
  const TransformerBlock given(width, heads, 2, generator, {.dropout = 0.5});
  default_generator() = Generator(5);
  const TransformerBlock block(width, heads, 2, {.dropout = 0.5});
  expect_same(block(x), given(x));
  expect_same(block(x), given(x));
  default_generator() = kept;
}

TEST(TransformerBlock, GivesTheProbabilitiesOfItsAttention) {
  Generator generator(6);
  TransformerBlock block(width, heads, 2, generator, {.causal = true, .dtype = float64});
  stir(block, generator);
  const Tensor x = randn({2, 5, width}, generator, float64), mask = tensor({1, 0, 1, 1, 1});
  const Tensor normalised = Weights(block).norm("norm1", x);
  expect_close(block.probabilities(x), block.attention.probabilities(normalised));
  expect_close(block.probabilities(x, {.mask = mask}),
               block.attention.probabilities(normalised, {.mask = mask}));
  EXPECT_EQ(block.probabilities(x).shape(), (Shape{2, heads, 5, 5}));
  block.attention.set_k(1);
  expect_close(max(block.probabilities(x), -1), ones({2, heads, 5}, float64));
}

TEST(TransformerBlock, Errors) {
  expect_error("MultiHeadSparseAttention", [] { TransformerBlock(6, 4, 1); }, {"multiple of heads"});
  expect_error("MultiHeadSparseAttention", [] { TransformerBlock(6, 2, 1, {.rotary = true}); }, {"even"});
  expect_error("MultiHeadSparseAttention", [] { TransformerBlock(6, 2, 0); }, {"k"});
  expect_error("Mlp", [] { TransformerBlock(6, 2, 1, {.hidden = -1}); }, {"hidden", "-1"});
  expect_error("Dropout", [] { TransformerBlock(6, 2, 1, {.dropout = 1}); }, {"p", "1"});
  expect_error("LayerNorm", [] { TransformerBlock(0, 2, 1); }, {"width", "0"});
  const TransformerBlock block(6, 2, 1);
  expect_error("layer_norm", [&] { block(ones({2, 3, 5})); }, {"(2, 3, 5)"});
  expect_error("MultiHeadSparseAttention", [&] { block(ones({3, 6})); }, {"(3, 6)"});
}

}  // namespace
}  // namespace taper::test
