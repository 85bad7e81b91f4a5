// State: what a model, an optimizer or a whole training run is made of, as a file can hold it.
#pragma once

#include "../tensor.hpp"

#include <map>
#include <string>
#include <utility>

namespace taper {

// Named tensors, and named texts for what is no tensor: counters, settings, the state of a generator. Names
// are dotted paths: "hidden.weight", "0.first_moment". Numbers in texts are written so that reading gives the
// same bits.
struct State {
  State() = default;
  // Not explicit: where a State is wanted, the state_dict() of a model is one.
  State(std::map<std::string, Tensor> tensors, std::map<std::string, std::string> texts = {})
      : tensors(std::move(tensors)), texts(std::move(texts)) {}

  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> texts;
  // What load_safetensors left in the file because it is neither float32 nor float64: dtypes by name.
  std::map<std::string, std::string> others;
};

}  // namespace taper
