// Taper's side of bench/training.py: a character transformer. Answers each line of standard input with a line
// of JSON:
//
//   model FOLDER CONTEXT BATCH HEADS LAYERS K   builds the model from the weights and the text in FOLDER
//   train STEPS                          trains it; replies with each step's loss and the held-out loss
//   step|products|attention SECONDS      a training step, or what it spends on that alone: the median
//
// bench/training_peers.py understands the same lines.
#include "character_model.hpp"
#include "clock.hpp"
#include <taper/taper.hpp>

#include <cmath>
#include <cstdio>
#include <exception>
#include <functional>
#include <iostream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

using namespace taper;
using bench::CharacterModel, bench::Sizes;

namespace {

std::vector<std::int64_t> whole_numbers(const Tensor& tensor) {
  std::vector<std::int64_t> numbers;
  for (double value : tensor.to_vector()) numbers.push_back(static_cast<std::int64_t>(value));
  return numbers;
}

// Prints the median time of `work`, which runs for about `seconds`, after a first run that doesn't count.
void time_runs(double seconds, const std::function<void()>& work) {
  work();
  std::vector<double> times;
  for (const double end = bench::now() + seconds; bench::now() < end || times.empty();) {
    const double start = bench::now();
    work();
    times.push_back(bench::now() - start);
  }
  std::printf("{\"total\": %.6g, \"runs\": %zu}\n", bench::median(times), times.size());
}

class Training {
 public:
  Training(const std::string& folder, const Sizes& sizes)
      : sizes_(sizes),
        text_(whole_numbers(load_npy(folder + "/text.npy"))),
        starts_(whole_numbers(load_npy(folder + "/starts.npy"))),
        held_out_(whole_numbers(load_npy(folder + "/held_out.npy"))) {
    const State weights = load_safetensors(folder + "/weights.safetensors");
    const Shape table = weights.tensors.at("symbols.table").shape();
    Generator generator;
    model_ = std::make_unique<CharacterModel>(table[0], table[1], sizes, generator);
    model_->load_state_dict(weights.tensors);
    adam_ = std::make_unique<optim::Adam>(model_->parameters(), optim::AdamOptions{.learning_rate = 1e-3});
  }

  void train(int steps) {
    std::printf("{\"losses\": [");
    for (int i = 0; i < steps; ++i) std::printf("%s%.8g", i == 0 ? "" : ", ", finite(step()));
    double total = 0;
    const std::int64_t batches = static_cast<std::int64_t>(held_out_.size()) / sizes_.batch;
    if (batches == 0) throw std::runtime_error("the text is too short to hold out a batch");
    for (std::int64_t i = 0; i < batches; ++i) {
      const auto [inputs, labels] = batch(held_out_, i);
      total += nn::cross_entropy((*model_)(inputs), labels).item();
    }
    std::printf("], \"held_out\": %.8g}\n", finite(total / static_cast<double>(batches)));
  }

  void time_step(double seconds) {
    time_runs(seconds, [&] { step(); });
  }

  // Every product of a layer with its weight, and the two products of its gradient, for random numbers.
  void time_products(double seconds) const {
    std::vector<std::vector<Tensor>> operands;  // x, W and dy
    for (const auto& [name, weight] : model_->named_parameters()) {
      if (!name.ends_with(".weight")) continue;
      const std::int64_t rows = sizes_.batch * sizes_.context;
      operands.push_back({randn({rows, weight.extent(0)}), weight.detach(), randn({rows, weight.extent(1)})});
    }
    time_runs(seconds, [&] {
      for (const auto& o : operands) mm(o[0], o[1]), mm(o[2], o[1], false, true), mm(o[0], o[2], true);
    });
  }

  // The attention of each block, with the queries, keys and values that the model has for a
  // batch of the text.
  void time_attention(double seconds) const {
    struct Problem {
      Tensor queries, keys, values, cotangent;
    };
    std::vector<Problem> problems;
    Tensor x = model_->positions(model_->symbols(batch(starts_, 0).inputs));
    for (std::int64_t i = 0; i < sizes_.layers; ++i) {
      const auto& block = model_->blocks.at<nn::TransformerBlock>(static_cast<std::size_t>(i));
      const Tensor normed = std::get<nn::LayerNorm>(block.norm1)(x);
      const auto heads = [&](const nn::Linear& projection) {
        const Tensor y = projection(normed);
        const std::int64_t d = y.extent(2) / sizes_.heads;
        const Tensor split = reshape(y, {sizes_.batch, sizes_.context, sizes_.heads, d});
        return reshape(transpose(split, 1, 2), {sizes_.batch * sizes_.heads, sizes_.context, d})
            .requires_grad();
      };
      const Tensor queries = heads(block.attention.query);
      problems.push_back(
          {queries, heads(block.attention.key), heads(block.attention.value), randn(queries.shape())});
      x = block(x);
    }
    const double scale = 1 / std::sqrt(static_cast<double>(problems[0].queries.extent(2)));
    time_runs(seconds, [&] {
      for (const Problem& p : problems) {
        Tape tape;
        const Tensor y =
            sparse_attention(p.queries, p.keys, p.values, sizes_.k, {.scale = scale, .causal = true});
        tape.gradient(y, {p.queries, p.keys, p.values}, {.cotangent = p.cotangent});
      }
    });
  }

 private:
  struct Batch {
    Indices inputs, labels;
  };
  // The stretches of text that begin at the i-th `batch` of these places, and the same one character later.
  Batch batch(const std::vector<std::int64_t>& starts, std::int64_t i) const {
    std::vector<std::int64_t> inputs, labels;
    for (std::int64_t row = i * sizes_.batch; row < (i + 1) * sizes_.batch; ++row) {
      const auto start = text_.begin() + starts[static_cast<std::size_t>(row)];
      inputs.insert(inputs.end(), start, start + sizes_.context);
      labels.insert(labels.end(), start + 1, start + 1 + sizes_.context);
    }
    const Shape shape{sizes_.batch, sizes_.context};
    return {{std::move(inputs), shape}, {std::move(labels), shape}};
  }

  // The loss. Throws if it is not finite, which JSON can't hold.
  static double finite(double loss) {
    if (!std::isfinite(loss)) throw std::runtime_error("the loss is not finite");
    return loss;
  }

  double step() {
    const auto [inputs, labels] =
        batch(starts_, steps_++ % (static_cast<std::int64_t>(starts_.size()) / sizes_.batch));
    Tape tape;
    const Tensor loss = nn::cross_entropy((*model_)(inputs), labels);
    adam_->zero_grad();
    tape.backward(loss);
    adam_->step();
    return loss.item();
  }

  Sizes sizes_;
  std::vector<std::int64_t> text_, starts_, held_out_;
  std::unique_ptr<CharacterModel> model_;
  std::unique_ptr<optim::Adam> adam_;
  std::int64_t steps_ = 0;
};

void answer(const std::string& line, std::unique_ptr<Training>& training) {
  std::istringstream words(line);
  std::string what;
  words >> what;
  if (what == "model") {
    std::string folder;
    Sizes sizes;
    words >> folder >> sizes.context >> sizes.batch >> sizes.heads >> sizes.layers >> sizes.k;
    training = std::make_unique<Training>(folder, sizes);
    std::printf("{}\n");
    return;
  }
  double amount = 0;
  words >> amount;
  if (!words || !training) throw std::invalid_argument("not a request: " + line);
  if (what == "train") return training->train(static_cast<int>(amount));
  if (what == "step") return training->time_step(amount);
  if (what == "products") return training->time_products(amount);
  if (what == "attention") return training->time_attention(amount);
  throw std::invalid_argument("not something to do: " + line);
}

}  // namespace

int main() {
  std::unique_ptr<Training> training;
  return bench::answer_lines([&](const std::string& line) { answer(line, training); });
}
