// Checkpoints: a run goes on bit for bit, and a file that does not fit changes nothing.
#include "support/helpers.hpp"
#include "support/scratch.hpp"
#include <taper/taper.hpp>

#include <bit>
#include <filesystem>
#include <functional>
#include <memory>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

using OptimizerOf = std::function<std::unique_ptr<optim::Optimizer>(const nn::Module&)>;

struct Model : nn::Module {
  nn::Linear hidden, output;
  explicit Model(Generator& generator)
      : hidden(4, 5, generator), output(5, 1, generator, {.dtype = float64}) {}
  void list(nn::Parts& parts) const override { parts.add("hidden", hidden), parts.add("output", output); }
};

// A training run whose every step draws a batch, drops inputs at random and changes the learning rate.
struct Training {
  Generator generator;
  Model model;
  std::unique_ptr<optim::Optimizer> optimizer;
  nn::Run run;

  Training(std::uint64_t seed, const OptimizerOf& optimizer_of)
      : generator(seed),
        model(generator),
        optimizer(optimizer_of(model)),
        run{model, *optimizer, generator} {}

  // The loss of one step.
  double step() {
    optimizer->set_learning_rate(0.01 / static_cast<double>(1 + run.step));
    const Tensor x = randn({3, 4}, generator), kept = uniform({3, 4}, 0, 1, generator);
    const Tensor noise = randn({3, 1}, generator, float64);  // an odd number of normals: there is a spare
    Tape tape;
    const Tensor hidden = tanh(model.hidden(where(relu(kept - 0.3), x, zeros({}))));
    const Tensor loss = nn::mean_squared_error(model.output(cast(hidden, float64)), noise);
    optimizer->zero_grad();
    tape.backward(loss);
    optimizer->step();
    ++run.step;
    return loss.item();
  }

  std::vector<std::uint64_t> losses(int steps) {
    std::vector<std::uint64_t> result;
    for (int i = 0; i < steps; ++i) result.push_back(std::bit_cast<std::uint64_t>(step()));
    return result;
  }
};

std::unique_ptr<optim::Optimizer> adam(const nn::Module& model) {
  return std::make_unique<optim::Adam>(model.parameters());
}

const std::map<std::string, OptimizerOf> optimizers = {
    {"Sgd", [](const nn::Module& model) { return std::make_unique<optim::Sgd>(model.parameters()); }},
    {"Sgd with momentum",
     [](const nn::Module& model) {
       return std::make_unique<optim::Sgd>(model.parameters(), optim::SgdOptions{.momentum = 0.9});
     }},
    {"Sgd with Nesterov's momentum and weight decay",
     [](const nn::Module& model) {
       return std::make_unique<optim::Sgd>(
           model.parameters(), optim::SgdOptions{.momentum = 0.9, .nesterov = true, .weight_decay = 0.1});
     }},
    {"RmsProp", [](const nn::Module& model) { return std::make_unique<optim::RmsProp>(model.parameters()); }},
    {"Adam with a slow layer and a frozen one",
     [](const nn::Module& model) {
       const Tensors parameters = model.parameters();
       auto optimizer = std::make_unique<optim::Adam>(parameters);
       optimizer->scale_learning_rate({parameters[0], parameters[1]}, 0.1);
       Tensor(parameters[3]).requires_grad(false);
       return optimizer;
     }},
    {"Adam", adam},
    {"AdamW",
     [](const nn::Module& model) {
       return std::make_unique<optim::AdamW>(model.parameters(), optim::AdamWOptions{.weight_decay = 0.1});
     }},
};

void expect_same_state(const State& actual, const State& expected) {
  EXPECT_EQ(actual.texts, expected.texts);
  ASSERT_EQ(actual.tensors.size(), expected.tensors.size());
  for (const auto& [name, tensor] : expected.tensors) {
    SCOPED_TRACE(name);
    ASSERT_EQ(actual.tensors.count(name), 1u);
    expect_same(actual.tensors.at(name), tensor);
  }
}

class Checkpoint : public Scratch {};

TEST_F(Checkpoint, ARunGoesOnBitForBit) {
  const std::uint64_t seed = fresh_seed();
  SCOPED_TRACE("TAPER_SEED=" + std::to_string(seed));
  for (const auto& [name, optimizer_of] : optimizers) {
    SCOPED_TRACE(name);
    Training training(seed, optimizer_of), fresh(seed + 1, optimizer_of), other(seed + 2, optimizer_of);
    training.losses(7);
    training.run.extras = {{{"losses", ones({7}, float64)}}, {{"options", "--k 3"}}};
    save_checkpoint(path("x"), training.run);
    const std::vector<std::uint64_t> expected = training.losses(20);

    load_checkpoint(path("x"), fresh.run);
    EXPECT_EQ(fresh.run.step, 7);
    EXPECT_EQ(fresh.run.extras.texts.at("options"), "--k 3");
    expect_same(fresh.run.extras.tensors.at("losses"), ones({7}, float64));
    EXPECT_EQ(fresh.losses(20), expected);

    other.losses(3);  // a run that has moments, a spare and extras of its own
    other.run.extras.texts["old"] = "is replaced";
    load_checkpoint(path("x"), other.run);
    EXPECT_EQ(other.run.extras.texts.count("old"), 0u);
    EXPECT_EQ(other.losses(20), expected);
  }
}

TEST_F(Checkpoint, OneStepAtATimeIsTheSameRun) {
  Training whole(1, adam);
  const std::vector<std::uint64_t> expected = whole.losses(10);
  std::vector<std::uint64_t> losses;
  for (int i = 0; i < 10; ++i) {
    Training piece(i == 0 ? 1 : 100, adam);
    if (i > 0) load_checkpoint(path("x"), piece.run);
    losses.push_back(piece.losses(1)[0]);
    save_checkpoint(path("x"), piece.run);
  }
  EXPECT_EQ(losses, expected);
}

TEST_F(Checkpoint, HasTheModelUnderItsNames) {
  Training training(2, adam);
  training.losses(2);
  save_checkpoint(path("x"), training.run);
  const State file = load_safetensors(path("x"));
  for (const auto& [name, parameter] : training.model.named_parameters())
    expect_same(file.tensors.at("model." + name), parameter);
  EXPECT_EQ(file.tensors.count("optimizer.0.first_moment"), 1u);
  EXPECT_EQ(file.texts.at("step"), "2");
  EXPECT_EQ(file.texts.at("generator"), training.generator.state());
}

// What a load that fails, or a save, must leave as it was.
class Untouched : public Checkpoint {
 protected:
  void SetUp() override {
    Training saved(3, adam);
    saved.losses(3);
    saved.run.extras = {{{"curve", ones({3})}}, {{"note", "saved"}}};
    save_checkpoint(path("x"), saved.run);
    training.losses(2);
    training.run.extras.texts["note"] = "mine";
    before = everything();
  }
  State everything() const {
    State all = training.optimizer->state();
    for (const auto& [name, tensor] : training.model.state_dict()) all.tensors["model " + name] = tensor;
    all.texts["generator"] = training.generator.state();
    all.texts["step"] = std::to_string(training.run.step);
    for (const auto& [name, text] : training.run.extras.texts) all.texts["extras " + name] = text;
    return all;
  }
  void expect_refused(const std::string& op, const std::vector<std::string>& says) {
    std::vector<std::string> all = says;
    all.push_back(path("x"));
    expect_error(
        op, [&] { load_checkpoint(path("x"), training.run); }, all);
    expect_same_state(everything(), before);
  }
  void expect_refused(const State& file, const std::vector<std::string>& says) {
    save_safetensors(path("x"), file);
    expect_refused("load_checkpoint", says);
  }

  Training training{4, adam};
  State before;
};

TEST_F(Untouched, ByAFileThatLacksSomething) {
  const State whole = load_safetensors(path("x"));
  for (const auto& [name, tensor] : whole.tensors) {
    if (name == "extras.curve") continue;
    SCOPED_TRACE(name);
    State file = whole;
    file.tensors.erase(name);
    const std::string inside = name.substr(name.find('.') + 1);
    expect_refused(file, {inside, "missing"});
    file.tensors[name] = cast(tensor, tensor.dtype() == float32 ? float64 : float32);
    expect_refused(file, {inside, printed(file.tensors[name].dtype())});
    file.tensors[name] = reshape(tensor, {1, -1, 1});
    expect_refused(file, {inside, printed(file.tensors[name].shape())});
  }
  for (const auto& [name, text] : whole.texts) {
    if (name == "extras.note") continue;
    SCOPED_TRACE(name);
    State file = whole;
    file.texts.erase(name);
    expect_refused(file, {name.rfind("optimizer.", 0) == 0 ? name.substr(10) : name});
    file.texts[name] = "foreign";
    expect_refused(file, {name == "generator" ? name : "foreign"});
  }
}

TEST_F(Untouched, ByAFileThatHoldsSomethingElse) {
  const State whole = load_safetensors(path("x"));
  const auto with = [&](const std::string& name) {
    State file = whole;
    file.tensors[name] = ones({1});
    return file;
  };
  expect_refused(with("stray"), {"tensor 'stray'"});
  expect_refused(with("model.stray"), {"'model.stray'"});
  expect_refused(with("model."), {"'model.'"});
  expect_refused(with("optimizer.9.first_moment"), {"'9.first_moment'"});
  State file = whole;
  file.texts["stray"] = "";
  expect_refused(file, {"text 'stray'"});
  file = whole;
  file.texts["optimizer.stray"] = "1";
  expect_refused(file, {"'stray'"});
  for (const char* step : {"", "-1", "1.5", " 1", "1 ", "0x1", "99999999999999999999"}) {
    file = whole;
    file.texts["step"] = step;
    expect_refused(file, {"step '" + std::string(step) + "'"});
  }
  file = whole;
  file.texts["taper.checkpoint"] = "2";
  expect_refused(file, {"version '2', wanted '1'"});
  expect_refused({training.model.state_dict(), {}}, {"is no checkpoint"});
  expect_refused(State(), {"is no checkpoint"});
}

TEST_F(Untouched, ByACheckpointOfAnotherOptimizer) {
  Training sgd(5, optimizers.at("Sgd"));
  save_checkpoint(path("x"), sgd.run);
  expect_refused("load_checkpoint", {"Adam"});
}

TEST_F(Untouched, ByAFileCutShort) {
  const std::string whole = read(path("x"));
  for (std::size_t size = 0; size < whole.size(); size += 1 + size % 61) {
    write(whole.substr(0, size), "x");
    expect_refused("load_safetensors", {"cut short"});
    if (HasFailure()) return;
  }
  std::filesystem::remove(path("x"));
  expect_refused("load_safetensors", {"exist"});
}

TEST_F(Untouched, ByASaveThatCannotBeDone) {
  training.run.step = -1;
  expect_error("save_checkpoint", [&] { save_checkpoint(path("y"), training.run); }, {"step", "-1"});
  training.run.step = 2;
  training.run.extras.tensors["none"] = {};
  expect_error("save_safetensors", [&] { save_checkpoint(path("x"), training.run); }, {"'extras.none'"});
  training.run.extras.tensors.clear();
  expect_same_state(everything(), before);
  EXPECT_EQ(names(), std::vector<std::string>{"x"});
  EXPECT_EQ(load_safetensors(path("x")).texts.at("extras.note"), "saved");
}

}  // namespace
}  // namespace taper::test
