// Losses, optimizers, clipping, schedules and averages compared with 100 steps of PyTorch's: golden/trajectories.json,
// whose layout golden/make_trajectories.py describes at its top.
#include "support/golden.hpp"
#include "support/helpers.hpp"
#include <taper/taper.hpp>

#include <memory>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

using Json = nlohmann::json;

const Json& trajectories() {
  static const Json all = [] {
    std::ifstream file(std::string(TAPER_GOLDEN_DIR) + "/trajectories.json");
    return Json::parse(file);
  }();
  return all;
}

std::unique_ptr<optim::Optimizer> make(const std::string& kind, const Tensors& parameters, const Json& s) {
  const double rate = s["learning_rate"];
  if (kind == "Sgd") {
    return std::make_unique<optim::Sgd>(
        parameters, optim::SgdOptions{rate, s.value("momentum", 0.0), s.value("nesterov", false),
                                      s.value("weight_decay", 0.0)});
  }
  if (kind == "RmsProp") {
    return std::make_unique<optim::RmsProp>(parameters,
                                            optim::RmsPropOptions{rate, s["decay"], s["epsilon"]});
  }
  if (kind == "Adam") {
    return std::make_unique<optim::Adam>(parameters,
                                         optim::AdamOptions{rate, s["beta1"], s["beta2"], s["epsilon"]});
  }
  return std::make_unique<optim::AdamW>(
      parameters, optim::AdamWOptions{rate, s["beta1"], s["beta2"], s["epsilon"], s["weight_decay"]});
}

// y = tanh(x w1 + b1) w2 + b2; b1 is left out in every third step.
struct Network : nn::Module {
  Tensors parameters;  // w1, b1, w2, b2
  void list(nn::Parts& parts) const override {
    for (std::size_t i = 0; i < parameters.size(); ++i) parts.add(std::to_string(i), parameters[i]);
  }
  Tensor operator()(const Tensor& x, std::int64_t step) const {
    const Tensor product = mm(x, parameters[0]);
    const Tensor hidden = tanh(step % 3 == 2 ? product : product + parameters[1]);
    return mm(hidden, parameters[2]) + parameters[3];
  }
};

Tensor loss_of(const Json& run, const Tensor& y, const Tensor& target) {
  const std::string name = run["loss"];
  if (name == "mean_squared_error") return nn::mean_squared_error(y, target);
  if (name == "mean_absolute_error") return nn::mean_absolute_error(y, target);
  if (name == "huber_loss") return nn::huber_loss(y, target, run["delta"]);
  if (name == "binary_cross_entropy_with_logits") return nn::binary_cross_entropy_with_logits(y, target);
  return nn::kl_divergence(log_softmax(y), target);
}

// The rate of this step, by the run's schedule or by the losses of the steps before it.
double rate_of(const Json& run, std::int64_t step, const std::vector<double>& losses) {
  if (!run.contains("plateau")) return optim::Schedule::parse(run["schedule"])(step);
  const Json& o = run["plateau"];
  return optim::reduce_on_plateau(run["settings"]["learning_rate"], losses,
                                  {o["factor"], o["patience"], o["threshold"], o["last"]});
}

void freeze(const Json& run, std::int64_t step, Tensors& parameters) {
  if (!run.contains("frozen")) return;
  const Json& frozen = run["frozen"];
  const std::int64_t from = frozen["from"], to = frozen["to"];
  for (const std::size_t i : frozen["parameters"]) parameters[i].requires_grad(step < from || step >= to);
}

void follow(const Json& run) {
  const DType dtype = run["dtype"] == "float32" ? float32 : float64;
  // float32 rounds each parameter a hundred times, by 6e-8 of its size at most.
  const double tolerance = dtype == float32 ? 1e-6 : 1e-12;
  const Tensor x = cast(tensor_of(trajectories()["x"]), dtype);
  const Tensor target = cast(tensor_of(trajectories()["targets"][run["loss"].get<std::string>()]), dtype);
  Network network;
  Tensors& parameters = network.parameters;
  for (const Json& start : trajectories()["start"]) {
    parameters.push_back(cast(tensor_of(start), dtype).clone().requires_grad());
  }
  const auto optimizer = make(run["optimizer"], parameters, run["settings"]);
  if (run.contains("factors")) {
    for (std::size_t i = 0; i < 4; ++i) optimizer->scale_learning_rate({parameters[i]}, run["factors"][i]);
  }
  nn::MovingAverage average(network, run.value("average", 0.5));
  std::vector<double> losses;
  auto point = run["points"].begin();
  for (std::int64_t step = 0; step < 100; ++step) {
    freeze(run, step, parameters);
    const double rate = rate_of(run, step, losses);
    EXPECT_NEAR(rate, run["rates"][static_cast<std::size_t>(step)], 1e-15) << "step " << step;
    optimizer->set_learning_rate(rate);
    Tape tape;
    optimizer->zero_grad();
    const Tensor loss = loss_of(run, network(x, step), target);
    tape.backward(loss);
    losses.push_back(loss.item());
    const double norm = run.contains("max_norm") ? optim::clip_gradients(parameters, run["max_norm"]) : 0;
    optimizer->step();
    average.update();
    if ((*point)["step"] != step + 1) continue;
    SCOPED_TRACE("after step " + std::to_string(step + 1));
    EXPECT_NEAR(norm, point->value("norm", 0.0), tolerance);
    for (std::size_t i = 0; i < 4; ++i) {
      expect_close(parameters[i], tensor_of((*point)["parameters"][i]), tolerance);
      if (!run.contains("average")) continue;
      expect_close(average.state().tensors.at(std::to_string(i)), tensor_of((*point)["averages"][i]),
                   tolerance);
    }
    ++point;
  }
  EXPECT_EQ(point, run["points"].end());
}

TEST(Trajectories, AgreeWithPyTorchFor100Steps) {
  EXPECT_EQ(trajectories()["runs"].size(), 52u);
  for (const Json& run : trajectories()["runs"]) {
    SCOPED_TRACE(run["name"].get<std::string>() + ", " + run["dtype"].get<std::string>());
    follow(run);
  }
}

}  // namespace
}  // namespace taper::test
