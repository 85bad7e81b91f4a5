// Models on a device: moving them, training them there, and what is kept of them. Skipped without
// a CUDA device.
#include "support/helpers.hpp"
#include "support/on_cuda.hpp"
#include <taper/core/memory/transfer.hpp>
#include <taper/taper.hpp>

#include <cmath>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

const Device gpu = Device::cuda();

class ModelOnCuda : public OnCuda {};

// A block of everything that the demos use.
struct Model : nn::Module {
  Generator generator{3};
  nn::Embedding symbols{7, 8, generator};
  nn::TransformerBlock block{8, 2, 3, generator, {.causal = true, .rotary = true, .dropout = 0.1}};
  nn::LayerNorm norm{8};
  nn::Linear logits{8, 7, generator};

  void list(nn::Parts& parts) const override {
    parts.add("symbols", symbols), parts.add("block", block);
    parts.add("norm", norm), parts.add("logits", logits);
  }
  Tensor operator()(const Indices& tokens) const { return logits(norm(block(symbols(tokens)))); }
};

const Indices& tokens() {
  static const Indices all({0, 1, 2, 3, 4, 5, 6, 5, 4, 3, 1, 1, 2, 6}, {2, 7});
  return all;
}

// The losses of some steps, of which the first `before` are taken on the CPU and the others on the device.
template <class Optimizer, class Options>
std::vector<double> losses(const Options& options, int steps, int before) {
  default_generator() = Generator(5);  // of the dropout
  const Model model;
  Optimizer optimizer(model.parameters(), options);
  std::vector<double> all;
  for (int step = 0; step < steps; ++step) {
    if (step == before) model.to(gpu);
    Tape tape;
    const Tensor loss = nn::cross_entropy(model(tokens()), tokens());
    optimizer.zero_grad();
    tape.backward(loss);
    optim::clip_gradients(model.parameters(), 0.5);
    optimizer.step();
    all.push_back(loss.item());
  }
  return all;
}

void expect_same_course(const std::vector<double>& there, const std::vector<double>& here) {
  ASSERT_EQ(there.size(), here.size());
  for (std::size_t step = 0; step < here.size(); ++step) {
    EXPECT_NEAR(there[step], here[step], 2e-5) << "step " << step;
  }
  EXPECT_LT(here.back(), here.front());
}

TEST_F(ModelOnCuda, TrainsAsOnTheCpu) {
  const optim::AdamWOptions adam{.learning_rate = 0.01, .weight_decay = 0.1};
  expect_same_course(losses<optim::AdamW>(adam, 8, 0), losses<optim::AdamW>(adam, 8, 8));
  const optim::SgdOptions sgd{.learning_rate = 0.1, .momentum = 0.9, .nesterov = true};
  expect_same_course(losses<optim::Sgd>(sgd, 8, 0), losses<optim::Sgd>(sgd, 8, 8));
  expect_same_course(losses<optim::Sgd>(optim::SgdOptions{.learning_rate = 0.1}, 8, 0),
                     losses<optim::Sgd>(optim::SgdOptions{.learning_rate = 0.1}, 8, 8));
}

TEST_F(ModelOnCuda, TheOptimizersMomentsFollowTheModel) {
  const optim::AdamOptions options{.learning_rate = 0.01};
  expect_same_course(losses<optim::Adam>(options, 8, 4), losses<optim::Adam>(options, 8, 8));
}

TEST_F(ModelOnCuda, EveryRunGivesTheSameBits) {
  const optim::AdamOptions options{.learning_rate = 0.01};
  EXPECT_EQ(losses<optim::Adam>(options, 5, 0), losses<optim::Adam>(options, 5, 0));
}

TEST_F(ModelOnCuda, AStepAllocatesNothingAfterTheFirst) {
  const Model model;
  model.to(gpu);
  optim::Adam adam(model.parameters(), {});
  std::uint64_t after_first = 0;
  for (int step = 0; step < 4; ++step) {
    Tape tape;
    const Tensor loss = nn::cross_entropy(model(tokens()), tokens());
    adam.zero_grad();
    tape.backward(loss);
    adam.step();
    if (step == 1)
      after_first = pool_stats(gpu).system_allocations;  // the second frees and makes in steady order
  }
  EXPECT_EQ(pool_stats(gpu).system_allocations, after_first);
}

TEST_F(ModelOnCuda, IsSavedAndLoadedAcrossDevices) {
  const Model there, here;
  there.to(gpu);
  for (Tensor& parameter : there.parameters()) {
    internal::copy_elements(randn(parameter.shape()), parameter);
  }
  const std::string path = testing::TempDir() + "/taper_nn_device_test.safetensors";
  save_safetensors(path, {there.state_dict(), {}});
  here.load_state_dict(load_safetensors(path).tensors);
  for (std::size_t i = 0; i < here.parameters().size(); ++i) {
    EXPECT_EQ(here.parameters()[i].device(), Device::cpu());
    expect_same(here.parameters()[i], there.parameters()[i]);
  }
  const Model back;
  back.to(gpu);
  back.load_state_dict(here.state_dict());
  expect_same(back.parameters()[0], here.parameters()[0]);
  EXPECT_EQ(back.parameters()[0].device(), gpu);
}

TEST_F(ModelOnCuda, ClipsGradientsOnBothDevicesAlike) {
  Generator generator(fresh_seed());
  Tensors here, there;
  for (const std::int64_t size : {1, 5, 1000, 0}) {
    here.push_back(zeros({size}).requires_grad());
    here.back().impl().grad = randn({size}, generator);
    there.push_back(here.back().clone().requires_grad());
    there.back().impl().grad = here.back().grad().clone();
    there.back().move_to(gpu);
  }
  const double norm = optim::clip_gradients(here, 0.5);
  EXPECT_NEAR(optim::clip_gradients(there, 0.5), norm, 1e-5 * norm);
  for (std::size_t i = 0; i < here.size(); ++i) expect_close(there[i].grad(), here[i].grad(), 1e-6);
}

TEST_F(ModelOnCuda, LossesAreThoseOfTheCpu) {
  Generator generator(fresh_seed());
  const double inf = std::numeric_limits<double>::infinity();
  Tensor z = randn({5, 4}, generator);
  z.mutable_data<float>()[6] = static_cast<float>(-inf);
  const Indices labels{0, 3, -100, 1, 2};
  for (const std::int64_t k : {1, 2, 9}) {
    expect_close(nn::sparsemax_loss(z.to(gpu), labels, {.k = k}), nn::sparsemax_loss(z, labels, {.k = k}),
                 1e-6);
  }
  expect_close(nn::cross_entropy(z.to(gpu), labels), nn::cross_entropy(z, labels), 1e-6);
  expect_close(nn::mean_squared_error(z.to(gpu), (z * 0.5).to(gpu)), nn::mean_squared_error(z, z * 0.5),
               1e-6);
}

TEST_F(ModelOnCuda, DenseAttentionAndPositionsGoThere) {
  Generator generator(1);
  const nn::MultiHeadSparseAttention dense(8, 2, 3, generator,
                                           {.causal = true, .method = nn::AttentionMethod::dense});
  const nn::LearnedPositions learned(6, 8, generator);
  const Tensor x = randn({2, 5, 8}, generator);
  const Tensor here = dense(learned(x) + nn::sinusoidal_positions(5, 8));
  dense.to(gpu), learned.to(gpu);
  expect_close(dense(learned(x.to(gpu)) + nn::sinusoidal_positions(5, 8, gpu)), here, 1e-5);
}

}  // namespace
}  // namespace taper::test
