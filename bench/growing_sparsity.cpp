// Trains character models on a text (bytes) while they grow sparse, for bench/growing_sparsity.py. Answers each line
//
//   gru|transformer SEED STEPS gradual|halfway|after SHARE   prunes the weights: gradually, or at once
//   gru|transformer SEED STEPS dense 0                       does neither
//   transformer SEED STEPS softmax 0                         has softmax in the place of sparse_softmax
//   transformer SEED STEPS keys K                            lets each query look at ever fewer keys, K in the end
//
// with a line of JSON: the share of the weights that is 0, that of attention, and the loss on held-out text.
#include <taper/core/io/files.hpp>
#include <taper/taper.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

using namespace taper;

namespace {

constexpr std::int64_t context = 64, batch = 16, held_out_batch = 64;

struct Model : nn::Module {
  double learning_rate = 5e-3;
  virtual Tensor logits_of(const Indices& tokens) const = 0;
  virtual void set_k(std::int64_t) {}
  // The share of zeros among what queries give the keys that they may see; NaN without attention.
  virtual double attention_zeros(const Indices&) const { return std::nan(""); }
};

// That of examples/15_pruned_gru.cpp.
struct CharacterGru : Model {
  nn::Embedding symbols;
  nn::Gru gru;
  nn::Linear logits;
  nn::Dropout dropout;
  CharacterGru(std::int64_t alphabet, Generator& generator)
      : symbols(alphabet, 32, generator),
        gru(32, 256, generator),
        logits(256, alphabet, generator),
        dropout(0.1, generator) {}
  void list(nn::Parts& parts) const override {
    parts.add("symbols", symbols), parts.add("gru", gru), parts.add("logits", logits);
    parts.add("dropout", dropout);
  }
  Tensor logits_of(const Indices& tokens) const override {
    return logits(dropout(gru(dropout(symbols(tokens)))));
  }
};

// That of examples/10_character_transformer.cpp.
struct CharacterTransformer : Model {
  nn::Embedding symbols;
  std::vector<nn::TransformerBlock> blocks;
  nn::LayerNorm norm;
  nn::Linear logits;
  CharacterTransformer(std::int64_t alphabet, nn::AttentionMethod method, Generator& generator)
      : symbols(alphabet, 64, generator), norm(64), logits(64, alphabet, generator) {
    learning_rate = 3e-3;
    const nn::TransformerBlockOptions options{
        .causal = true, .rotary = true, .method = method, .dropout = 0.1};
    for (int i = 0; i < 2; ++i) blocks.emplace_back(64, 4, context, generator, options);
  }
  void list(nn::Parts& parts) const override {
    parts.add("symbols", symbols);
    for (std::size_t i = 0; i < blocks.size(); ++i) parts.add("block" + std::to_string(i), blocks[i]);
    parts.add("norm", norm), parts.add("logits", logits);
  }
  Tensor logits_of(const Indices& tokens) const override {
    Tensor x = symbols(tokens);
    for (const nn::TransformerBlock& block : blocks) x = block(x);
    return logits(norm(x));
  }
  void set_k(std::int64_t k) override {
    for (nn::TransformerBlock& block : blocks) block.attention.set_k(k);
  }
  double attention_zeros(const Indices& tokens) const override {
    Tensor x = symbols(tokens);
    double given = 0, visible = 0;
    for (const nn::TransformerBlock& block : blocks) {
      const Tensor p = block.probabilities(x);
      const std::vector<double> all = p.to_vector();
      given += static_cast<double>(std::ssize(all) - std::count(all.begin(), all.end(), 0.0));
      visible += static_cast<double>(p.extent(0) * p.extent(1) * context * (context + 1) / 2);
      x = block(x);
    }
    return 1 - given / visible;
  }
};

struct Stretches {
  Indices inputs, labels;
};

// The bytes of a text as numbers from 0 on. Nine tenths are for training.
struct Text {
  explicit Text(const std::string& path) {
    const std::string bytes = internal::read_file("growing_sparsity", path);
    std::map<char, std::int64_t> number;
    for (const char byte : bytes) number.emplace(byte, 0);
    for (auto& [byte, value] : number) value = alphabet++;
    for (const char byte : bytes) characters.push_back(number[byte]);
    split = std::ssize(characters) / 10 * 9;
  }
  Stretches at(const std::vector<std::int64_t>& starts) const {
    std::vector<std::int64_t> inputs, labels;
    for (const std::int64_t start : starts) {
      inputs.insert(inputs.end(), characters.begin() + start, characters.begin() + start + context);
      labels.insert(labels.end(), characters.begin() + start + 1, characters.begin() + start + 1 + context);
    }
    const Shape shape{std::ssize(starts), context};
    return {{inputs, shape}, {labels, shape}};
  }
  Stretches drawn(Generator& generator) const {
    std::vector<std::int64_t> starts;
    for (std::int64_t i = 0; i < batch; ++i)
      starts.push_back(static_cast<std::int64_t>(generator.uniform() * static_cast<double>(split - context)));
    return at(starts);
  }
  Stretches held_out() const {
    std::vector<std::int64_t> starts;
    const std::int64_t room = std::ssize(characters) - split - context - 1;
    for (std::int64_t i = 0; i < held_out_batch; ++i) starts.push_back(split + room * i / held_out_batch);
    return at(starts);
  }

  std::int64_t alphabet = 0, split = 0;
  std::vector<std::int64_t> characters;
};

struct Job {
  std::string model;
  std::uint64_t seed;
  std::int64_t steps;
  std::string way;
  double amount;  // a share, or the number of keys
};

class Bench {
 public:
  explicit Bench(const std::string& path) : text_(path) {}

  void run(const Job& job) {
    Generator generator(job.seed);
    const std::unique_ptr<Model> model = made(job, generator);
    const double zeros = train(*model, job);
    model->eval();
    const Stretches held_out = text_.held_out();
    const double loss = nn::cross_entropy(model->logits_of(held_out.inputs), held_out.labels).item();
    const double attention = model->attention_zeros(held_out.inputs);
    std::printf("{\"loss\": %.6g, \"weights\": %.6g, \"attention\": %.6g}\n", loss, zeros,
                std::isnan(attention) ? 0.0 : attention);
    std::fflush(stdout);
  }

 private:
  std::unique_ptr<Model> made(const Job& job, Generator& generator) const {
    if (job.model == "gru") return std::make_unique<CharacterGru>(text_.alphabet, generator);
    const auto method = job.way == "softmax" ? nn::AttentionMethod::dense : nn::AttentionMethod::fused;
    return std::make_unique<CharacterTransformer>(text_.alphabet, method, generator);
  }

  // All matrices but the table of symbols, which no product takes.
  static std::map<std::string, double> magnitudes_of(const Model& model, double share) {
    std::map<std::string, double> magnitudes = nn::magnitudes(model, share);
    magnitudes.erase("symbols.table");
    return magnitudes;
  }

  // The dense model of that kind, seed and length, trained once.
  const Model& dense(const Job& job) {
    std::unique_ptr<Model>& model = dense_[{job.model, job.seed, job.steps}];
    if (!model) {
      Generator generator(job.seed);
      model = made(job, generator);
      train(*model, {job.model, job.seed, job.steps, "dense", 0});
    }
    return *model;
  }

  // Returns the share of pruned weights.
  double train(Model& model, const Job& job) {
    const bool gradual = job.way == "gradual", hard = job.way == "halfway" || job.way == "after";
    const std::int64_t steps = job.steps, hard_at = job.way == "after" ? steps - 1 : steps / 2;
    optim::Adam adam(model.parameters(), {.learning_rate = model.learning_rate});
    const optim::Schedule rate =
        optim::Schedule::cosine(model.learning_rate, steps, model.learning_rate / 10).warm_up(20);
    const nn::PruningSchedule level(steps / 20, steps / 4, steps / 2, std::max<std::int64_t>(1, steps / 100));
    std::unique_ptr<nn::Pruning> pruning;
    if (gradual) pruning = std::make_unique<nn::Pruning>(model, adam, magnitudes_of(dense(job), job.amount));
    for (std::int64_t step = 0; step < steps; ++step) {
      if (job.way == "keys")
        model.set_k(
            nn::KSchedule(context, static_cast<std::int64_t>(job.amount), steps / 20, steps / 2)(step));
      Generator drawing = nn::generator_of(job.seed, static_cast<std::uint64_t>(step));
      const Stretches stretches = text_.drawn(drawing);
      Tape tape;
      const Tensor loss = nn::cross_entropy(model.logits_of(stretches.inputs), stretches.labels);
      adam.zero_grad();
      tape.backward(loss);
      adam.set_learning_rate(rate(step));
      if (hard && step == hard_at)
        pruning = std::make_unique<nn::Pruning>(model, adam, magnitudes_of(model, job.amount));
      if (pruning) pruning->step(gradual ? level(step) : step == hard_at ? 1 : 0);
      optim::clip_gradients(model.parameters(), 1);
      adam.step();
    }
    return pruning ? pruning->zeros() : 0;
  }

  Text text_;
  std::map<std::tuple<std::string, std::uint64_t, std::int64_t>, std::unique_ptr<Model>> dense_;
};

}  // namespace

int main(int argc, char** argv) {
  Bench bench(argc > 1 ? argv[1] : "/usr/share/common-licenses/GPL-3");
  for (Job job; std::cin >> job.model >> job.seed >> job.steps >> job.way >> job.amount;) bench.run(job);
}
