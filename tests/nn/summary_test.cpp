// A model printed, and saved and loaded in one call.
#include "support/helpers.hpp"
#include "support/scratch.hpp"
#include <taper/taper.hpp>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

TEST(Summary, IsATreeWithShapesParametersAndBytes) {
  struct Model : nn::Module {
    nn::Sequential body{nn::Linear(2, 8), relu, nn::Dropout(0.5), nn::Linear(8, 100, {.dtype = float64})};
    Tensor scale = ones({}).requires_grad();
    void list(nn::Parts& parts) const override { parts.add("body", body), parts.add("scale", scale); }
  } model;
  EXPECT_EQ(printed(model),
            "                                      parameters  bytes\n"
            "Model                                        925   7300\n"
            "  body: Sequential                           924   7296\n"
            "    0: Linear                                 24     96\n"
            "      weight        float32 (2, 8)            16     64\n"
            "      bias          float32 (8,)               8     32\n"
            "    2: Dropout                                 0      0\n"
            "    3: Linear                                900   7200\n"
            "      weight        float64 (8, 100)         800   6400\n"
            "      bias          float64 (100,)           100    800\n"
            "  scale             float32 ()                 1      4");
}

TEST(Summary, CountsASharedTensorOnce) {
  struct Tied : nn::Module {
    nn::Embedding table{10, 4};
    nn::Linear logits{4, 3};
    Tied() { logits.weight.requires_grad(false); }
    void list(nn::Parts& parts) const override {
      parts.add("table", table), parts.add("again", table.table), parts.add("logits", logits);
    }
  } tied;
  EXPECT_EQ(printed(tied),
            "                                            parameters  bytes\n"
            "Tied                                                55    220\n"
            "  table: Embedding                                  40    160\n"
            "    table           float32 (10, 4)                 40    160\n"
            "  again             float32 (10, 4) shared           0      0\n"
            "  logits: Linear                                    15     60\n"
            "    weight          float32 (4, 3) frozen           12     48\n"
            "    bias            float32 (3,)                     3     12");
  EXPECT_EQ(printed(nn::Dropout(0.5)), "           parameters  bytes\nDropout             0      0");
}

class SaveModel : public Scratch {};

TEST_F(SaveModel, ComesBackAsItWas) {
  Generator generator(1);
  const nn::Mlp model(3, 4, generator), other(3, 4, generator);
  save(path("model"), model);
  load(path("model"), other);
  for (const auto& [name, tensor] : model.state_dict()) expect_same(other.state_dict().at(name), tensor);
  // The same file as in two steps.
  save_safetensors(path("steps"), model.state_dict());
  EXPECT_EQ(read(path("steps")), read(path("model")));
}

TEST_F(SaveModel, ACheckpointHoldsAModelToo) {
  Generator generator(1);
  const nn::Linear model(3, 4, generator), other(3, 4, generator);
  optim::Sgd sgd(model.parameters());
  nn::save_checkpoint(path("run"), {model, sgd, generator});
  load(path("run"), other);
  expect_same(other.weight, model.weight);
  expect_error("load", [&] { load(path("run"), nn::Linear(2, 4)); },
               {path("run"), "'model.weight' is float32 (3, 4), wanted float32 (2, 4)"});
}

TEST_F(SaveModel, AnErrorNamesTheFileAndChangesNothing) {
  Generator generator(1);
  const nn::Linear model(3, 4, generator), other(3, 5, generator);
  save(path("model"), model);
  const Tensor before = other.bias.clone();
  expect_error("load", [&] { load(path("model"), other); }, {path("model"), "'bias'", "'weight'"});
  expect_same(other.bias, before);
  expect_error("load_safetensors", [&] { load(path("missing"), other); }, {path("missing")});
  expect_error("save_safetensors", [&] { save(path("no/folder"), model); }, {path("no/folder")});
}

}  // namespace
}  // namespace taper::test
