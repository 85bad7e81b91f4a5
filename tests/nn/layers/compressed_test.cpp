// Layers in compressed rows: the same results as with zeros, gradients for what is stored, and small files.
#include "support/helpers.hpp"
#include "support/scratch.hpp"
#include <taper/cuda/device.hpp>
#include <taper/taper.hpp>

#include <cmath>
#include <filesystem>
#include <limits>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

// Sets all but the largest weights to 0.
template <class Model>
void prune(const Model& model, double share) {
  optim::Adam adam(model.parameters());
  nn::Pruning(model, adam, nn::magnitudes(model, share)).step(1);
}

struct Model : nn::Module {
  nn::Gru gru;
  nn::Linear output;
  Model(Generator& generator, DType dtype)
      : gru(5, 8, generator, {.layers = 2, .dtype = dtype}), output(8, 3, generator, {.dtype = dtype}) {}
  void list(nn::Parts& parts) const override { parts.add("gru", gru), parts.add("output", output); }
  Tensor operator()(const Tensor& x) const { return output(gru(x)); }
  void compress() { gru.compress(), output.compress(); }
};

TEST(Compressed, ComputesWhatTheZerosCompute) {
  Generator generator(4);
  for (const std::int64_t batch : {1, 3, 20}) {
    Model dense(generator, float64);
    prune(dense, 0.7);
    Model sparse = dense;
    sparse.compress();
    const Tensor x = randn({batch, 4, 5}, generator, float64);
    Tape tape;
    const Tensor y = dense(x), z = sparse(x);
    expect_close(z, y);
    tape.backward(sum(square(y)) + sum(square(z)));
    const auto by_dense = dense.named_parameters(), by_sparse = sparse.named_parameters();
    for (std::size_t i = 0; i < by_dense.size(); ++i) {
      const auto& [name, parameter] = by_dense[i];
      const Tensor gradient = by_sparse[i].second.grad();
      if (parameter.rank() == 1) {
        expect_same(by_sparse[i].second, parameter);
        continue;  // a shared one has both gradients
      }
      const CompressedRows places(parameter);
      ASSERT_EQ(by_sparse[i].second.size(), places.size()) << name;
      expect_close(gradient, gather(reshape(parameter.grad(), {parameter.size()}), places.places()));
    }
  }
}

TEST(Compressed, LearnsAndItsStateIsThatOfTheWholeMatrices) {
  Generator generator(4);
  Model dense(generator, float32), sparse(generator, float32);
  prune(dense, 0.8);
  sparse.load_state_dict(dense.state_dict());
  sparse.compress();
  sparse.compress();  // once more changes nothing
  optim::Adam adam(sparse.parameters(), {.learning_rate = 0.01});
  const Tensor x = randn({6, 4, 5}, generator);
  double first = 0, last = 0;
  for (int step = 0; step < 20; ++step) {
    Tape tape;
    const Tensor loss = mean(square(sparse(x) - 0.5));
    adam.zero_grad();
    tape.backward(loss);
    adam.step();
    (step == 0 ? first : last) = loss.item();
  }
  EXPECT_LT(last, 0.5 * first);
  const auto before = dense.state_dict(), after = sparse.state_dict();
  for (const auto& [name, tensor] : before) {
    ASSERT_EQ(after.at(name).shape(), tensor.shape()) << name;
    if (tensor.rank() == 2) expect_same(equal(after.at(name), 0), equal(tensor, 0));
  }
  dense.load_state_dict(after);
  expect_close(dense(x), sparse(x), 1e-5);
  sparse.load_state_dict(before);
  for (const auto& [name, tensor] : sparse.state_dict()) expect_same(tensor, before.at(name));

  std::map<std::string, Tensor> wrong = before;
  wrong["output.weight"] = ones({8, 3});
  expect_error("load_state_dict", [&] { sparse.load_state_dict(wrong); },
               {"'output.weight' is not 0 in a place that the model does not store"});
  wrong["output.weight"] = ones({3});
  expect_error("load_state_dict", [&] { sparse.load_state_dict(wrong); }, {"(3,), wanted float32 (8, 3)"});
  nn::MovingAverage average(sparse);
  average.update();
  expect_same(average.state().tensors.at("output.weight"), before.at("output.weight"));
}

TEST(Compressed, RefusesWhatDoesNotFit) {
  Generator generator(4);
  Model model(generator, float32);
  model.compress();
  expect_error("Linear", [&] { model.output(ones({2, 7})); }, {"8 as its last extent", "(2, 7)"});
  expect_error("Gru", [&] { model.gru(ones({2, 3, 4})); }, {"(batch, steps, 5)", "(2, 3, 4)"});
}

TEST(Compressed, AParameterThatDoesNotFitItsPlacesIsRefused) {
  Generator generator(4);
  nn::Linear layer(30, 30, generator);
  layer.compress();
  layer.weight = ones({5}).requires_grad();
  expect_error("Parts::add",
               [&] {
                 layer.load_state_dict({{"weight", ones({30, 30})}, {"bias", zeros({30})}});
               },
               {"'weight'", "(900,)", "(5,)"});
}

// One parameter in two places is compared as the matrices that a state has.
TEST(Compressed, ValuesThatTwoMatricesShareMustFitBoth) {
  struct Twice : nn::Module {
    Tensor values = ones({2});
    CompressedRows wide{tensor({{1, 1, 0, 0, 0, 0, 0, 0, 0}})}, narrow{tensor({{1, 1}})};
    void list(nn::Parts& parts) const override {
      parts.add("a", values, wide), parts.add("b", values, narrow);
    }
  };
  const Twice twice;
  expect_error("load_state_dict", [&] { twice.load_state_dict(twice.state_dict()); }, {"'a' and 'b'"});
}

TEST(Compressed, MatricesWithoutElementsAreAParameterEach) {
  nn::Rnn rnn(4, 8);
  std::map<std::string, Tensor> zeros_of;
  for (const auto& [name, tensor] : rnn.state_dict()) zeros_of[name] = zeros_like(tensor);
  rnn.load_state_dict(zeros_of);
  rnn.compress();
  std::vector<Device> devices{Device::cpu()};
  if (cuda::available()) devices.push_back(Device::cuda());
  for (const Device device : devices) {
    rnn.to(device);
    optim::Sgd sgd(rnn.parameters(), {.learning_rate = 1});
    rnn.load_state_dict(rnn.state_dict());
    Tape tape;
    tape.backward(sum(rnn(ones({1, 2, 4}).to(device))));
    optim::clip_gradients(rnn.parameters(), 1);
    sgd.step();
  }
}

TEST(Compressed, AttentionComputesWhatTheZerosCompute) {
  Generator generator(4);
  nn::MultiHeadSparseAttention attention(8, 2, 3, generator);
  const Tensor x = randn({2, 4, 8}, generator), y = attention(x);
  for (nn::Linear* linear : {&attention.query, &attention.key, &attention.value, &attention.output})
    linear->compress();
  expect_close(attention(x), y, 1e-5);
}

TEST(Compressed, AnEmptyHandleOfPlacesSaysSo) {
  expect_error("rows", [] { CompressedRows().rows(); }, {"empty handle"});
  expect_error("CompressedRows", [] { CompressedRows(zeros({std::int64_t{1} << 40, 0})); }, {"2^31 - 1"});
}

TEST(Compressed, WhatIsNotStoredDoesNotCount) {
  const CompressedRows places(tensor({{0, 2, 0}, {3, 0, 0}}));
  const Tensor values = tensor({2, 3}, float64);
  Tensor x = tensor({{1, 10, std::numeric_limits<double>::infinity()}}, float64);
  expect_close(sparse_matmul(x, places, values), tensor({{20, 3}}, float64));
  x = concat({x, x}, 0);
  expect_close(sparse_matmul(x, places, values), tensor({{20, 3}, {20, 3}}, float64));
}

TEST(Compressed, GivesTheSameBitsOnAnyNumberOfThreads) {
  Generator generator(4);
  nn::Gru gru(200, 300, generator);
  prune(gru, 0.7);
  gru.compress();
  const int before = thread_count();
  for (const std::int64_t batch : {1, 40}) {
    const Tensor x = randn({batch, 3, 200}, generator).requires_grad();
    const auto run = [&](int threads) {
      set_thread_count(threads);
      gru.zero_grad(), Tensor(x).zero_grad();
      Tape tape;
      const Tensor y = gru(x);
      tape.backward(sum(square(y)));
      Tensors results{y.detach(), x.grad().clone()};
      for (const Tensor& parameter : gru.parameters()) results.push_back(parameter.grad().clone());
      return results;
    };
    const Tensors one = run(1), three = run(3);
    for (std::size_t i = 0; i < one.size(); ++i) expect_same(one[i], three[i]);
  }
  set_thread_count(before);
}

using CompressedFile = Scratch;

TEST_F(CompressedFile, TakesAQuarterOfTheDenseOneAndLoadsAgain) {
  Generator generator(4);
  const nn::Gru gru(32, 128, generator), other(32, 128, generator);
  prune(gru, 0.9);
  nn::save(path("dense"), gru);
  nn::save(path("small"), gru, {.compressed = true});
  EXPECT_LE(4 * std::filesystem::file_size(path("small")), std::filesystem::file_size(path("dense")));
  nn::load(path("small"), other);
  for (const auto& [name, tensor] : other.state_dict()) expect_same(tensor, gru.state_dict().at(name));
  nn::Gru compressed = gru;
  compressed.compress();
  nn::save(path("again"), compressed, {.compressed = true});
  EXPECT_EQ(read(path("again")), read(path("small")));
  nn::load(path("small"), compressed);

  State broken = load_safetensors(path("small"));
  broken.tensors.erase("weight_hh_l0.mask");
  save_safetensors(path("broken"), broken);
  expect_error("load", [&] { nn::load(path("broken"), other); }, {path("broken"), "'weight_hh_l0' lacks"});
}

}  // namespace
}  // namespace taper::test
