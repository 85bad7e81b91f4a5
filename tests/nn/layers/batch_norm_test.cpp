// BatchNorm1d and BatchNorm2d: PyTorch's values, derivatives and running averages, modes, and errors.
#include "support/helpers.hpp"
#include <taper/core/io/safetensors.hpp>
#include <taper/taper.hpp>

#include <cmath>

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace taper::test {
namespace {

using Json = nlohmann::json;

Tensor cosines(const Tensor& y) {
  Tensor result = zeros(y.shape(), float64);
  for (std::int64_t i = 0; i < y.size(); ++i)
    result.mutable_data<double>()[i] = std::cos(1.0 + static_cast<double>(i));
  return result;
}

TEST(BatchNorm, ValuesAveragesAndGradientsOfTwoOrdersAgreeWithPyTorch) {
  const State golden = load_safetensors(std::string(TAPER_GOLDEN_DIR) + "/modules.safetensors");
  int compared = 0;
  for (const Json& sample : Json::parse(golden.texts.at("samples"))) {
    if (sample["layer"] != "batch_norm") continue;
    const auto name = sample["name"].get<std::string>();
    SCOPED_TRACE(name);
    const auto stored = [&](const std::string& what) { return golden.tensors.at(name + '/' + what); };
    const nn::BatchNormOptions options{.epsilon = sample["epsilon"].get<double>(),
                                       .momentum = sample["momentum"].get<double>(),
                                       .dtype = float64};
    const std::int64_t channels = stored("x0").extent(1);
    const nn::BatchNorm1d flat(channels, options);
    const nn::BatchNorm2d images(channels, options);
    const bool is_2d = stored("x0").rank() == 4;
    const nn::BatchNorm& layer = is_2d ? static_cast<const nn::BatchNorm&>(images) : flat;
    layer.load_state_dict({{"gain", stored("parameter/weight")},
                           {"bias", stored("parameter/bias")},
                           {"running_mean", zeros({channels}, float64)},
                           {"running_variance", ones({channels}, float64)}});
    for (int call = 0; call < 4; ++call) {
      const std::string number = std::to_string(call);
      SCOPED_TRACE(call);
      layer.train(call < 3);
      const Tensor x = stored("x" + number).clone().requires_grad();
      Tape tape;
      const Tensor y = is_2d ? images(x) : flat(x);
      expect_close(y, stored("outputs" + number), 1e-10);
      expect_close(layer.running_mean, stored("running_mean" + number), 1e-10);
      expect_close(layer.running_variance, stored("running_var" + number), 1e-10);
      if (call != 0) continue;
      const Tensors inputs{x, layer.gain, layer.bias};
      const Tensor total = sum(y * cosines(y));
      const Tensors plain = tape.gradient(total, inputs, {.keep_graph = true});
      const Tensors first = tape.gradient(total, inputs, {.create_graph = true});
      Tensor squares = zeros({}, float64);
      for (const Tensor& gradient : first) squares = squares + sum(square(gradient));
      const Tensors second = tape.gradient(squares, inputs);
      const char* const names[] = {"x", "parameter/weight", "parameter/bias"};
      for (std::size_t i = 0; i < 3; ++i) {
        SCOPED_TRACE(names[i]);
        expect_close(plain[i], stored(std::string("gradient/") + names[i]), 1e-10);
        expect_close(first[i], stored(std::string("gradient/") + names[i]), 1e-10);
        expect_close(second[i], stored(std::string("second/") + names[i]), 1e-10);
      }
    }
    ++compared;
  }
  EXPECT_EQ(compared, 3);
}

TEST(BatchNorm, SavesItsRunningAveragesAndTrainsWithoutThem) {
  nn::BatchNorm2d norm(3);
  EXPECT_EQ(norm.parameters().size(), 2u);
  EXPECT_EQ(norm.named_buffers().size(), 2u);
  const nn::Sequential model{norm, relu};
  Generator generator(1);
  const Tensor x = randn({4, 3, 5, 5}, generator) * 2.0 + 1.0;
  model(x);
  EXPECT_GT(norm.running_mean.to_vector()[0], 0.05);  // a copy shares the buffers
  EXPECT_EQ(model.state_dict().count("0.running_variance"), 1u);
  model.eval();
  const Tensor before = norm.running_mean.clone(), y = model(x);
  expect_same(norm.running_mean, before);
  expect_same(model(slice(x, 0, 0, 1)),
              slice(y, 0, 0, 1));  // an example alone gives what it gave among others
}

// The mean of a channel is rounded to its own size; what the rounding takes away is not lost.
TEST(BatchNorm, KeepsTheDigitsOfAnOffset) {
  Generator generator(2);
  for (const Shape& shape : {Shape{200, 3}, Shape{4, 3, 10, 10}}) {
    const Tensor x = randn(shape, generator) + 1e6;
    const Tensor exact = batch_norm(cast(x, float64), ones({3}, float64), zeros({3}, float64)).y;
    expect_close(cast(batch_norm(x, ones({3}), zeros({3})).y, float64), exact, 1e-5);
  }
}

// In many parts and blocks, of columns and of lines, about their own means.
TEST(BatchNorm, MomentsOfManyElementsAreThoseOfFloat64) {
  Generator generator(8);
  for (const Shape& shape : {Shape{5003, 70}, Shape{700, 9, 7, 9}, Shape{3, 2, 130, 101}}) {
    const Tensor x = 1e4 + randn(shape, generator);
    const Tensor wide = cast(x, float64), one = ones({shape[1]}, float64), zero = 0.0 * one;
    const BatchNormed exact = batch_norm(wide, one, zero),
                      found = batch_norm(x, ones({shape[1]}), zeros({shape[1]}));
    expect_close(cast(found.y, float64), exact.y, 1e-5);
    expect_close(cast(found.mean, float64), exact.mean, 1e-7);
    expect_close(cast(found.variance, float64), exact.variance, 1e-6);
    const Tensor by_rows = reshape(transpose(wide, 0, 1), {shape[1], x.size() / shape[1]});
    if (shape.size() == 2) expect_close(exact.variance, var(by_rows, 1, false, {.correction = 0}), 1e-10);
  }
}

// Large results go past the cache, unless their lines begin where no vector may.
TEST(BatchNorm, OfLargeTensorsIsTheFormula) {
  Generator generator(9);
  for (const Shape& shape : {Shape{2050, 2048}, Shape{4200, 1001}, Shape{1, 4, 1024, 1056}}) {
    const Tensor x = randn(shape, generator).requires_grad(), dy = randn(shape, generator);
    const Tensor gain = uniform({shape[1]}, 0.5, 1.5, generator), bias = randn({shape[1]}, generator);
    const auto column = [&](const Tensor& of_channels) {
      return shape.size() == 2 ? of_channels : reshape(of_channels, {shape[1], 1, 1});
    };
    const Axes axes = shape.size() == 2 ? Axes(0) : Axes({0, 2, 3});
    Tape tape;
    const BatchNormed found = batch_norm(x, gain, bias);
    const Tensor dx = tape.gradient(found.y, {x}, {.cotangent = dy})[0];
    const Tensor r = column(pow(found.variance + 1e-5, -0.5)), u = (x.detach() - column(found.mean)) * r;
    EXPECT_LT(max(abs(found.y - (u * column(gain) + column(bias)))).item(), 1e-5);
    const Tensor expected = column(gain) * r * (dy - mean(dy, axes, true) - u * mean(dy * u, axes, true));
    EXPECT_LT(max(abs(dx - expected)).item(), 1e-5);
  }
}

TEST(BatchNorm, AConstantChannelGivesTheBiasAndNanStaysInItsChannel) {
  Tensor x = full({4, 3}, 7.0);
  expect_same(batch_norm(x, ones({3}), tensor({1, 2, 3})).y, broadcast_to(tensor({1, 2, 3}), {4, 3}));
  x.mutable_data<float>()[1] = std::nanf("");
  const std::vector<double> y = batch_norm(x, ones({3}), tensor({1, 2, 3})).y.to_vector();
  EXPECT_EQ(y[0], 1);
  EXPECT_TRUE(std::isnan(y[4]));
  EXPECT_EQ(y[5], 3);
}

// The products of x, gain and bias share sums over dy: another dy, or the same tensor with other elements,
// needs other sums.
TEST(BatchNorm, ASecondBackwardWithAnotherCotangentIsRight) {
  Generator generator(3);
  const Tensor x = randn({6, 2}, generator, float64).requires_grad();
  const Tensor gain = ones({2}, float64).requires_grad(), bias = zeros({2}, float64).requires_grad();
  const auto gradients_for = [&](const Tensor& dy) {
    Tape tape;
    return tape.gradient(batch_norm(x, gain, bias).y, {x, gain, bias}, {.cotangent = dy});
  };
  Tensor dy = randn({6, 2}, generator, float64);
  Tape tape;
  const Tensor y = batch_norm(x, gain, bias).y;
  const auto again = [&] { return tape.gradient(y, {x, gain, bias}, {.keep_graph = true, .cotangent = dy}); };
  for (int round = 0; round < 2; ++round) {
    const Tensors found = again(), expected = gradients_for(dy.clone());
    for (std::size_t i = 0; i < 3; ++i) expect_same(found[i], expected[i]);
    dy.mutable_data<double>()[3] += 1;
  }
}

TEST(BatchNorm, CountsABatchOnceIfItIsComputedAgain) {
  Generator generator(6);
  const Tensor x = randn({6, 2}, generator).requires_grad();
  const nn::BatchNorm1d once(2), again(2);
  once(x);
  Tape tape;
  tape.backward(sum(checkpoint(again, x)));
  expect_same(again.running_mean, once.running_mean);
  expect_same(again.running_variance, once.running_variance);
}

TEST(BatchNorm, HasTheSameBitsForAnyNumberOfThreads) {
  Generator generator(4);
  const int threads_before = thread_count();
  for (const Shape& shape : {Shape{3000, 40}, Shape{20, 5, 40, 40}}) {
    const Tensor x = randn(shape, generator).requires_grad();
    const Tensor gain = uniform({shape[1]}, 0.5, 1.5, generator).requires_grad(),
                 bias = zeros({shape[1]}).requires_grad();
    Tensors results[2];
    for (const int threads : {1, 3}) {
      set_thread_count(threads);
      Tape tape;
      const Tensor y = batch_norm(x, gain, bias).y;
      results[threads / 2] = tape.gradient(sum(square(y) * x.detach()), {x, gain, bias});
      results[threads / 2].push_back(y);
    }
    for (std::size_t i = 0; i < 4; ++i) expect_same(results[0][i], results[1][i]);
  }
  set_thread_count(threads_before);
}

TEST(BatchNorm, Errors) {
  expect_error("BatchNorm1d", [] { nn::BatchNorm1d{0}; }, {"at least one channel", "got 0"});
  expect_error("BatchNorm2d", [] { nn::BatchNorm2d(3, {.momentum = 1.5}); }, {"momentum", "got 1.5"});
  expect_error("BatchNorm2d", [] { nn::BatchNorm2d(3, {.epsilon = 0}); }, {"epsilon must be positive"});
  const nn::BatchNorm2d images(3);
  const nn::BatchNorm1d flat(3);
  expect_error("BatchNorm2d", [&] { images(ones({2, 3})); }, {"rank 4 with 3 channels on axis 1", "(2, 3)"});
  expect_error("BatchNorm2d", [&] { images(ones({2, 4, 5, 5})); }, {"(2, 4, 5, 5)"});
  expect_error("BatchNorm1d", [&] { flat(ones({2, 3, 4, 5})); }, {"rank 2 or 3"});
  expect_error("BatchNorm1d", [&] { flat(ones({2, 3}, float64)); }, {"must be float32", "got float64"});
  expect_error("BatchNorm1d", [&] { flat(Tensor()); }, {"x is an empty handle"});
  expect_error("batch_norm",
               [&] {
                 flat(ones({1, 3}));
               },
               {"two elements in each channel", "(in BatchNorm1d)"});
}

}  // namespace
}  // namespace taper::test
