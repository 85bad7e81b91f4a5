// Checkpoints: the parts of a run under their prefixes in one State, and back.
#include "checkpoint.hpp"

#include "../core/fail.hpp"
#include "../core/io/compressed_state.hpp"
#include "../core/io/number_text.hpp"

#include <optional>
#include <utility>

namespace taper::nn {
namespace {

constexpr const char* marker = "taper.checkpoint";
constexpr const char* version = "1";
constexpr const char* model_prefix = "model.";

void add(State& file, const std::string& prefix, const State& part) {
  for (const auto& [name, tensor] : part.tensors) file.tensors.emplace(prefix + name, tensor);
  for (const auto& [name, text] : part.texts) file.texts.emplace(prefix + name, text);
}

// Moves what begins with `prefix` out of `from`, and leaves the prefix off.
template <class Value>
std::map<std::string, Value> take(std::map<std::string, Value>& from, const std::string& prefix) {
  std::map<std::string, Value> part;
  for (auto it = from.lower_bound(prefix); it != from.end() && it->first.starts_with(prefix);) {
    part.emplace(it->first.substr(prefix.size()), std::move(it->second));
    it = from.erase(it);
  }
  return part;
}

}  // namespace

void save(const std::string& path, const Module& model, const SaveOptions& options) {
  const State state = model.state_dict();
  save_safetensors(path, options.compressed ? compress_state(state) : state);
}

void load(const std::string& path, const Module& model) {
  State file = load_safetensors(path);
  internal::check_all_read("load", path, file);
  try {
    file = expand_state(file);
  } catch (const Error& error) {
    fail("load", path, ": ", error.what());
  }
  const char* prefix = file.texts.count(marker) == 0 ? "" : model_prefix;
  const std::map<std::string, Tensor> tensors = take(file.tensors, prefix);
  model.check_state_dict("load", path + ": ", prefix, tensors);
  model.load_state_dict(tensors);
}

void save_checkpoint(const std::string& path, const Run& run) {
  if (run.step < 0) fail("save_checkpoint", "step must be at least 0, got ", run.step);
  State file;
  add(file, model_prefix, run.model.state_dict());
  add(file, "optimizer.", run.optimizer.state());
  if (run.pruning) add(file, "pruning.", run.pruning->state());
  add(file, "extras.", run.extras);
  file.texts.emplace(marker, version);
  file.texts.emplace("step", internal::to_text(run.step));
  file.texts.emplace("generator", run.generator.state());
  save_safetensors(path, file);
}

void load_checkpoint(const std::string& path, Run& run) {
  constexpr const char* op = "load_checkpoint";
  State file = load_safetensors(path);
  internal::check_all_read(op, path, file);
  // A text that a checkpoint always has.
  const auto text = [&](const char* name) {
    const auto found = file.texts.extract(name);
    if (!found) fail(op, path, ": is no checkpoint: it lacks the text '", name, "'");
    return found.mapped();
  };
  // Calls call(); if that throws Error, puts the file's name and the part's before the message.
  const auto named = [&](const char* part, const auto& call) {
    try {
      call();
    } catch (const Error& error) {
      fail(op, path, ": in '", part, "': ", error.what());
    }
  };

  if (const std::string found = text(marker); found != version)
    fail(op, path, ": is a checkpoint of version ", internal::shown(found), ", wanted '", version, "'");
  const std::string digits = text("step");
  std::int64_t step = -1;
  if (!internal::from_text(digits, step) || step < 0)
    fail(op, path, ": has the step ", internal::shown(digits), ", wanted a whole number of at least 0");
  Generator generator;
  const std::string stream = text("generator");
  named("generator", [&] { generator.set_state(stream); });
  const std::map<std::string, Tensor> model = take(file.tensors, model_prefix);
  const State optimizer{take(file.tensors, "optimizer."), take(file.texts, "optimizer.")};
  const State pruning =
      run.pruning ? State(take(file.tensors, "pruning."), take(file.texts, "pruning.")) : State();
  State extras{take(file.tensors, "extras."), take(file.texts, "extras.")};
  if (!file.tensors.empty())
    fail(op, path, ": tensor ", internal::shown(file.tensors.begin()->first), " is no part of a checkpoint");
  if (!file.texts.empty())
    fail(op, path, ": text ", internal::shown(file.texts.begin()->first), " is no part of a checkpoint");

  // The optimizer's check is the last one, and from there on nothing fails.
  run.model.check_state_dict(op, path + ": ", model_prefix, model);
  std::optional<Pruning> pruned;  // in a copy first
  if (run.pruning) named("pruning.", [&] { (pruned = *run.pruning)->load_state(pruning); });
  named("optimizer.", [&] { run.optimizer.load_state(optimizer); });
  run.model.load_state_dict(model);
  if (run.pruning) *run.pruning = *pruned;
  run.generator = generator;
  run.step = step;
  run.extras = std::move(extras);
}

}  // namespace taper::nn
