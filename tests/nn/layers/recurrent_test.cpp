// Rnn, Gru and Lstm: PyTorch's values and derivatives, states that are handed on, lengths, and errors.
#include "support/helpers.hpp"
#include <taper/core/io/safetensors.hpp>
#include <taper/taper.hpp>

#include <cmath>

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace taper::test {
namespace {

using Json = nlohmann::json;

const State& golden() {
  static const State all = load_safetensors(std::string(TAPER_GOLDEN_DIR) + "/modules.safetensors");
  return all;
}

// cos(1), cos(2), …, as the golden values are weighted.
Tensor cosines(const Tensor& y) {
  Tensor result = zeros(y.shape(), float64);
  for (std::int64_t i = 0; i < y.size(); ++i)
    result.mutable_data<double>()[i] = std::cos(1.0 + static_cast<double>(i));
  return result;
}

// The layer's outputs and last states for the inputs of a sample, of which state and cell may be missing.
Tensors run(const nn::Recurrent& layer, const std::map<std::string, Tensor>& given,
            const std::vector<std::int64_t>& lengths) {
  const auto input = [&](const char* name) { return given.contains(name) ? given.at(name) : Tensor(); };
  if (const auto* lstm = dynamic_cast<const nn::Lstm*>(&layer)) {
    const auto [outputs, state, cell] =
        lstm->run(given.at("x"), {.state = input("state"), .cell = input("cell"), .lengths = lengths});
    return {outputs, state, cell};
  }
  const nn::SequenceOptions options{.state = input("state"), .lengths = lengths};
  const auto* gru = dynamic_cast<const nn::Gru*>(&layer);
  const auto [outputs, state] = gru ? gru->run(given.at("x"), options)
                                    : dynamic_cast<const nn::Rnn&>(layer).run(given.at("x"), options);
  return {outputs, state};
}

std::unique_ptr<nn::Recurrent> make(const Json& sample) {
  const auto number = [&](const char* name) { return sample[name].get<std::int64_t>(); };
  const nn::RecurrentOptions options{.layers = number("layers"),
                                     .bidirectional = sample["bidirectional"].get<bool>(),
                                     .bias = sample["bias"].get<bool>(),
                                     .dtype = float64};
  const auto kind = sample["layer"].get<std::string>();
  if (kind == "lstm") return std::make_unique<nn::Lstm>(number("inputs"), number("width"), options);
  if (kind == "gru") return std::make_unique<nn::Gru>(number("inputs"), number("width"), options);
  return std::make_unique<nn::Rnn>(number("inputs"), number("width"), options);
}

TEST(Recurrent, ValuesAndGradientsOfTwoOrdersAgreeWithPyTorch) {
  int compared = 0;
  for (const Json& sample : Json::parse(golden().texts.at("samples"))) {
    const auto name = sample["name"].get<std::string>();
    if (sample["layer"] == "batch_norm") continue;
    SCOPED_TRACE(name);
    const auto stored = [&](const std::string& what) { return golden().tensors.at(name + '/' + what); };
    const auto layer = make(sample);
    std::map<std::string, Tensor> state, given;  // PyTorch's own names are the layer's
    for (const auto& [full, tensor] : golden().tensors) {
      if (const std::string prefix = name + "/parameter/"; full.starts_with(prefix))
        state[full.substr(prefix.size())] = tensor;
      for (const char* input : {"x", "state", "cell"}) {
        if (full == name + '/' + input) given[input] = tensor.clone().requires_grad();
      }
    }
    layer->load_state_dict(state);
    Tape tape;
    const Tensors results = run(*layer, given, sample["lengths"].get<std::vector<std::int64_t>>());
    Tensor total = zeros({}, float64);
    const char* const names[] = {"outputs", "last_state", "last_cell"};
    for (std::size_t i = 0; i < results.size(); ++i) {
      expect_close(results[i], stored(names[i]), 1e-10);
      total = total + sum(results[i] * cosines(results[i]));
    }
    std::map<std::string, Tensor> inputs = given;
    for (const auto& [parameter, tensor] : layer->named_parameters())
      inputs["parameter/" + parameter] = tensor;
    Tensors list;
    for (const auto& [input, tensor] : inputs) list.push_back(tensor);
    const Tensors plain = tape.gradient(total, list, {.keep_graph = true});
    const Tensors first = tape.gradient(total, list, {.create_graph = true});
    Tensor squares = zeros({}, float64);
    for (const Tensor& gradient : first) squares = squares + sum(square(gradient));
    const Tensors second = tape.gradient(squares, list);
    std::size_t place = 0;
    for (const auto& [input, tensor] : inputs) {
      SCOPED_TRACE(input);
      expect_close(plain[place], stored("gradient/" + input), 1e-10);
      expect_close(first[place], stored("gradient/" + input), 1e-10);
      expect_close(second[place], stored("second/" + input), 1e-10);
      ++place;
    }
    ++compared;
  }
  EXPECT_EQ(compared, 12);
}

TEST(Recurrent, IsAPartOfSequentialAndGivesTheOutputs) {
  Generator generator(1);
  const nn::Gru gru(3, 8, generator, {.layers = 2, .bidirectional = true});
  const nn::Linear last(16, 2, generator);
  const Tensor x = randn({4, 5, 3}, generator);
  expect_same(nn::Sequential(gru, last)(x), last(gru.run(x).outputs));
  EXPECT_EQ(gru(x).shape(), (Shape{4, 5, 16}));
  EXPECT_EQ(gru.run(x).state.shape(), (Shape{4, 4, 8}));
  EXPECT_EQ(gru.parameters().size(), 16u);
  EXPECT_EQ(gru.named_parameters()[4].first, "weight_ih_l0_reverse");
  EXPECT_EQ(gru.named_parameters()[8].second.shape(), (Shape{24, 16}));
  EXPECT_EQ(nn::Rnn(3, 8, {.bias = false}).parameters().size(), 2u);
}

// A sequence in two parts, the second from the state after the first, gives what the whole does: text that
// is written a letter at a time.
TEST(Recurrent, GoesOnFromAState) {
  Generator generator(2);
  const Tensor x = randn({3, 7, 4}, generator, float64);
  const Tensor start = slice(x, 1, 0, 3), rest = slice(x, 1, 3, 7);
  const nn::Lstm lstm(4, 5, generator, {.layers = 2, .dtype = float64});
  const auto [whole, state, cell] = lstm.run(x);
  const nn::LstmResult first = lstm.run(start);
  const nn::LstmResult second = lstm.run(rest, {.state = first.state, .cell = first.cell});
  expect_close(concat({first.outputs, second.outputs}, 1), whole);
  expect_close(second.state, state);
  expect_close(second.cell, cell);
  const nn::Gru gru(4, 5, generator, {.layers = 2, .dtype = float64});
  const nn::SequenceResult before = gru.run(start), after = gru.run(rest, {.state = before.state});
  expect_close(concat({before.outputs, after.outputs}, 1), gru(x));
}

// Each sequence by itself, without the steps beyond its length, gives the same.
TEST(Recurrent, LengthsLeaveTheRestOut) {
  Generator generator(3);
  const Tensor x = randn({3, 5, 2}, generator, float64);
  const std::vector<std::int64_t> lengths{4, 1, 5};
  for (const bool bidirectional : {false, true}) {
    const nn::Lstm lstm(2, 3, generator, {.layers = 2, .bidirectional = bidirectional, .dtype = float64});
    const nn::LstmResult all = lstm.run(x, {.lengths = lengths});
    for (std::int64_t i = 0; i < 3; ++i) {
      const std::int64_t length = lengths[static_cast<std::size_t>(i)];
      const nn::LstmResult alone = lstm.run(slice(slice(x, 0, i, i + 1), 1, 0, length));
      const Tensor outputs = slice(all.outputs, 0, i, i + 1);
      expect_close(slice(outputs, 1, 0, length), alone.outputs);
      expect_same(slice(outputs, 1, length, 5), zeros({1, 5 - length, outputs.extent(2)}, float64));
      expect_close(slice(all.state, 1, i, i + 1), alone.state);
      expect_close(slice(all.cell, 1, i, i + 1), alone.cell);
    }
  }
}

// A sequence of more than a few steps gives the same bits alone and among others, whichever thread takes it, and so do its
// weights' gradients.
TEST(Recurrent, HasTheSameBitsForAnyNumberOfThreads) {
  Generator generator(4);
  const nn::Gru gru(24, 136, generator);
  const Tensor x = randn({70, 9, 24}, generator).requires_grad();
  const int before = thread_count();
  Tensors results[2];
  for (const int threads : {1, 3}) {
    set_thread_count(threads);
    Tape tape;
    const Tensor y = gru(x);
    results[threads / 2] = tape.gradient(sum(square(y)), {x, gru.weights[0].input, gru.weights[0].hidden});
    results[threads / 2].push_back(y);
  }
  set_thread_count(before);
  for (std::size_t i = 0; i < results[0].size(); ++i) expect_same(results[0][i], results[1][i]);
  for (const std::int64_t i : {0, 15, 16, 69})
    expect_same(gru(slice(x.detach(), 0, i, i + 1)), slice(results[0][3], 0, i, i + 1));
}

// Two steps of few sequences, whose weights are not packed: wide enough for several threads, and beside themselves among more.
TEST(Recurrent, AFewRowsHaveTheSameBitsForAnyNumberOfThreads) {
  Generator generator(8);
  const nn::Lstm lstm(300, 601, generator);
  const Tensor few = randn({3, 2, 300}, generator), many = concat({few, few, few}, 0);
  const int before = thread_count();
  const auto values_and_gradient = [&](const Tensor& inputs, int threads) {
    set_thread_count(threads);
    const Tensor x = inputs.clone().requires_grad();
    Tape tape;
    const Tensor y = lstm(x);
    return Tensors{y.detach(), tape.gradient(sum(square(y)), {x})[0]};
  };
  const Tensors one = values_and_gradient(few, 1), three = values_and_gradient(few, 3);
  const Tensors packed = values_and_gradient(many, 3);
  set_thread_count(before);
  for (const std::size_t i : {0, 1}) {
    expect_same(one[i], three[i]);
    expect_close(one[i], slice(packed[i], 0, 0, 3), 1e-5);
  }
}

// Widths and numbers of sequences that fill no vector, tile or block, in float32 against float64.
TEST(Recurrent, TakesEveryWidth) {
  Generator generator(6);
  for (const std::int64_t inputs : {1, 3, 50}) {
    for (const std::int64_t width : {1, 5, 16, 17, 49, 100}) {
      for (const std::int64_t batch : {1, 2, 7, 18}) {
        SCOPED_TRACE(testing::Message() << inputs << " inputs, width " << width << ", batch " << batch);
        const Tensor x = randn({batch, 4, inputs}, generator, float64);
        const nn::Lstm wide(inputs, width, generator, {.dtype = float64});
        const nn::Lstm narrow(inputs, width);
        std::map<std::string, Tensor> state = wide.state_dict();
        for (auto& [name, tensor] : state) tensor = tensor.to(float32);
        narrow.load_state_dict(state);
        const auto of = [&](const nn::Lstm& lstm) {
          const Tensor input = x.to(lstm.weights[0].input.dtype()).requires_grad();
          Tape tape;
          const auto [y, last, cell] = lstm.run(input);
          Tensors all = tape.gradient(sum(square(y)) + sum(cell),
                                      {input, lstm.weights[0].input, lstm.weights[0].hidden});
          all.push_back(y), all.push_back(cell);
          return all;
        };
        const Tensors found = of(narrow), exact = of(wide);
        for (std::size_t i = 0; i < exact.size(); ++i) expect_close(found[i].to(float64), exact[i], 1e-4);
      }
    }
  }
}

// The edges of one result share a walk back: one after another, once more through a graph that is kept, for another
// cotangent, and after somebody has written into what was returned.
TEST(Recurrent, EveryWalkBackGivesTheSameGradients) {
  Generator generator(7);
  const RecurrentWeights weights = nn::Lstm(2, 5, generator, {.dtype = float64}).weights[0];
  const Tensor x = randn({3, 4, 2}, generator, float64);
  const Tensor state = randn({3, 5}, generator, float64).requires_grad(),
               cell = randn({3, 5}, generator, float64).requires_grad();
  Tensor dy = randn({3, 4, 5}, generator, float64);
  const Tensors inputs{cell, state, weights.hidden};
  Tape tape;
  const Tensor y = lstm(x, state, cell, weights).outputs;
  for (int round = 0; round < 3; ++round) {
    Tensors found = tape.gradient(y, inputs, {.keep_graph = true, .cotangent = dy});
    const Tensors composed = tape.gradient(y, inputs, {.create_graph = true, .cotangent = dy});
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      expect_close(found[i], composed[i]);
      found[i].mutable_data<double>()[0] = 1e6;
    }
    expect_close(tape.gradient(y, {state}, {.keep_graph = true, .cotangent = dy})[0], composed[1]);
    if (round == 1) dy.mutable_data<double>()[3] += 1;
  }
}

TEST(Recurrent, StartsUniformInTheBoundsOfItsWidth) {
  Generator generator(5);
  const nn::Gru gru(40, 25, generator);
  for (const auto& [name, parameter] : gru.named_parameters()) {
    EXPECT_LT(max(abs(parameter)).item(), 0.2) << name;
    EXPECT_GT(max(abs(parameter)).item(), 0.18) << name;
  }
}

TEST(Recurrent, Errors) {
  expect_error("Gru", [] { nn::Gru(0, 3); }, {"at least one input", "got 0, 3 and 1"});
  expect_error("Lstm", [] { nn::Lstm(2, 3, {.layers = 0}); }, {"one layer", "got 2, 3 and 0"});
  const nn::Gru gru(2, 3, {.layers = 2});
  expect_error("Gru", [&] { gru(Tensor()); }, {"x is an empty handle"});
  expect_error("Gru", [&] { gru(ones({4, 5, 3})); }, {"x must be float32 (batch, steps, 2)", "(4, 5, 3)"});
  expect_error("Gru", [&] { gru(ones({5, 2})); }, {"(5, 2)"});
  expect_error("Gru", [&] { gru(ones({4, 5, 2}, float64)); }, {"got float64"});
  expect_error("Gru",
               [&] {
                 gru.run(ones({4, 5, 2}), {.state = zeros({4, 3})});
               },
               {"state must be float32 (2, 4, 3), got float32 (4, 3)"});
  expect_error("gru",
               [&] {
                 gru.run(ones({4, 5, 2}), {.lengths = {1, 2, 6, 1}});
               },
               {"lengths[2] must lie in [1, 5]", "(in Gru)"});
  expect_error("lstm",
               [] {
                 nn::Sequential(nn::Lstm(2, 3))(ones({1, 0, 2}));
               },
               {"at least one step", "(in Sequential.0)"});
  const nn::Lstm lstm(2, 3);
  expect_error("Lstm", [&] { lstm.run(ones({4, 5, 2}), {.cell = zeros({1, 4, 2})}); }, {"cell must be"});
}

}  // namespace
}  // namespace taper::test
