// The toy training step and the scalar product, timed with Taper. Its peers are toy_step_libtorch.cpp and
// toy_step.py: the same model, the same starting numbers, the same optimizer.
#include "measure.hpp"
#include <taper/taper.hpp>

#include <algorithm>

using namespace taper;

namespace {

Tensor numbers(int stream, const Shape& shape, double amplitude) {
  Tensor result = zeros(shape);
  const std::vector<float> values = bench::numbers(stream, static_cast<int>(result.size()), amplitude);
  std::copy(values.begin(), values.end(), result.mutable_data<float>());
  return result;
}

struct Layer : nn::Linear {
  explicit Layer(int index) : Linear(bench::width, bench::width) {
    weight = numbers(4 + index, {bench::width, bench::width}, 0.5).requires_grad();
    bias = numbers(8 + index, {bench::width}, 0.1).requires_grad();
  }
};

struct Model : nn::Module {
  Layer query{0}, key{1}, value{2}, output{3};
  nn::SparseAttention attention{bench::k};

  void list(nn::Parts& parts) const override {
    parts.add("query", query);
    parts.add("key", key);
    parts.add("value", value);
    parts.add("output", output);
  }

  Tensor operator()(const Tensor& queries, const Tensor& keys, const Tensor& values) const {
    return output(attention(query(queries), key(keys), value(values)));
  }
};

}  // namespace

int main(int argc, char** argv) {
  const Shape shape{bench::batch, bench::tokens, bench::width};
  const Tensor queries = numbers(0, shape, 1), keys = numbers(1, shape, 1), values = numbers(2, shape, 1);
  const Tensor target = numbers(3, shape, 1);
  const Model model;
  optim::Adam adam(model.parameters(), {.learning_rate = bench::learning_rate});

  const auto step = [&] {
    adam.zero_grad();
    Tape tape;
    const Tensor loss = nn::mean_squared_error(model(queries, keys, values), target);
    tape.backward(loss);
    adam.step();
    return loss.item();
  };

  Tensor y = ones({}).requires_grad();
  const Tensor one = ones({});
  const auto chain = [&] {
    y.zero_grad();
    Tape tape;
    Tensor x = one;
    for (int i = 0; i < bench::chain_length; ++i) x = x * y;
    tape.backward(x);
    return y.grad().item();
  };

  bench::run(bench::parse(argc, argv), step, chain);
}
