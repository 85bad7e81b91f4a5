// MovingAverage: its update, and its state.
#include "moving_average.hpp"

#include "../../core/fail.hpp"
#include "../../core/io/number_text.hpp"
#include "../../core/io/safetensors.hpp"
#include "../../core/memory/transfer.hpp"
#include "../../core/tape.hpp"
#include "../../ops/elementwise/add.hpp"
#include "../../ops/elementwise/mul.hpp"
#include "../../ops/elementwise/sub.hpp"

namespace taper::nn {

MovingAverage::MovingAverage(const Module& model, double decay)
    : model_(model), decay_(decay), tensors_(model.state_dict()) {
  if (!(decay >= 0 && decay < 1)) fail("MovingAverage", "decay must be in [0, 1), got ", decay);
}

void MovingAverage::update() {
  const Tape::Recording nothing(nullptr);
  const bool is_first = updates_++ == 0;
  for (const Parts::Entry& entry : model_.entries()) {
    Tensor& average = tensors_.at(entry.name);
    const Tensor now = entry.whole();
    if (is_first || entry.is_buffer) {
      average = now.clone();
    } else {
      average = average.to(now.kind());
      average = average + (1 - decay_) * (now - average);
    }
  }
}

State MovingAverage::state() const {
  State state{{}, {{"decay", internal::to_text(decay_)}, {"updates", internal::to_text(updates_)}}};
  for (const Parts::Entry& entry : model_.entries())
    state.tensors[entry.name] = internal::copied("state", tensors_.at(entry.name), entry.tensor.kind());
  return state;
}

void MovingAverage::load_state(const State& state) {
  const auto text = [&](const char* name) {
    const auto found = state.texts.find(name);
    if (found == state.texts.end()) fail("load_state", "text '", name, "' is missing");
    return found->second;
  };
  if (text("decay") != internal::to_text(decay_))
    fail("load_state", "decay is ", text("decay"), " in the state and ", internal::to_text(decay_), " here");
  std::int64_t updates = -1;
  if (!internal::from_text(text("updates"), updates) || updates < 0)
    fail("load_state", "updates must be a whole number of at least 0, got ",
         internal::shown(text("updates")));
  model_.check_state_dict("load_state", "", "", state.tensors);
  updates_ = updates;
  for (auto& [name, average] : tensors_) average = state.tensors.at(name).clone();
}

}  // namespace taper::nn
