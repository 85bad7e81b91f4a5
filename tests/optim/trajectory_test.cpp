// The optimizers, clipping and schedules compared with 100 steps of PyTorch's: golden/trajectories.json,
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
        parameters, optim::SgdOptions{rate, s.value("momentum", 0.0), s.value("nesterov", false)});
  }
  if (kind == "Adam") {
    return std::make_unique<optim::Adam>(parameters,
                                         optim::AdamOptions{rate, s["beta1"], s["beta2"], s["epsilon"]});
  }
  return std::make_unique<optim::AdamW>(
      parameters, optim::AdamWOptions{rate, s["beta1"], s["beta2"], s["epsilon"], s["weight_decay"]});
}

// y = tanh(x w1 + b1) w2 + b2; b1 is left out in every third step.
Tensor network(const Tensor& x, const Tensors& parameters, std::int64_t step) {
  const Tensor product = mm(x, parameters[0]);
  const Tensor hidden = tanh(step % 3 == 2 ? product : product + parameters[1]);
  return mm(hidden, parameters[2]) + parameters[3];
}

TEST(Trajectories, AgreeWithPyTorchFor100Steps) {
  EXPECT_EQ(trajectories()["runs"].size(), 20u);
  for (const Json& run : trajectories()["runs"]) {
    SCOPED_TRACE(run["name"].get<std::string>() + ", " + run["dtype"].get<std::string>());
    const DType dtype = run["dtype"] == "float32" ? float32 : float64;
    // float32 rounds each parameter a hundred times, by 6e-8 of its size at most.
    const double tolerance = dtype == float32 ? 1e-6 : 1e-12;
    const Tensor x = cast(tensor_of(trajectories()["x"]), dtype);
    const Tensor target = cast(tensor_of(trajectories()["target"]), dtype);
    Tensors parameters;
    for (const Json& start : trajectories()["start"]) {
      parameters.push_back(cast(tensor_of(start), dtype).clone().requires_grad());
    }
    const auto optimizer = make(run["optimizer"], parameters, run["settings"]);
    const auto schedule = optim::Schedule::parse(run["schedule"]);
    auto point = run["points"].begin();
    for (std::int64_t step = 0; step < 100; ++step) {
      Tape tape;
      optimizer->zero_grad();
      tape.backward(nn::mean_squared_error(network(x, parameters, step), target));
      const double norm = run.contains("max_norm") ? optim::clip_gradients(parameters, run["max_norm"]) : 0;
      const double rate = run["rates"][static_cast<std::size_t>(step)];
      EXPECT_NEAR(schedule(step), rate, 1e-15) << "step " << step;
      optimizer->set_learning_rate(schedule(step));
      optimizer->step();
      if ((*point)["step"] != step + 1) continue;
      SCOPED_TRACE("after step " + std::to_string(step + 1));
      EXPECT_NEAR(norm, point->value("norm", 0.0), tolerance);
      for (std::size_t i = 0; i < parameters.size(); ++i) {
        expect_close(parameters[i], tensor_of((*point)["parameters"][i]), tolerance);
      }
      ++point;
    }
    EXPECT_EQ(point, run["points"].end());
  }
}

}  // namespace
}  // namespace taper::test
