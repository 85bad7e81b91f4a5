// Files of models, and checkpoints: a training run in one file, from which it goes on bit for bit.
#pragma once

#include "../core/io/safetensors.hpp"
#include "../core/random.hpp"
#include "module.hpp"
#include "optim/optimizer.hpp"
#include "optim/pruning.hpp"

#include <cstdint>
#include <string>

namespace taper::nn {

struct SaveOptions {
  bool compressed = false;  // by compress_state, as pruned models want it
};

// Writes the model's state_dict() into a safetensors file, in whole or not at all (core/io/files.hpp). Throws
// as save_safetensors and compress_state do, and if two parameters have the same name.
void save(const std::string& path, const Module& model, const SaveOptions& options = {});

// Reads such a file, compressed or not, or the model out of a checkpoint, into the parameters of a model of the
// same form, in place. Throws, naming the file and every tensor that does not fit, if it can't be read, has a tensor that is
// neither float32 nor float64 (load_safetensors converts it) or is another model's; then nothing has changed.
void load(const std::string& path, const Module& model);

// All that a training run goes on from. A schedule is a function of the step, so that the step is its state.
struct Run {
  const Module& model;
  optim::Optimizer& optimizer;
  Generator& generator;   // of the batches, of Dropout, of whatever draws while training
  std::int64_t step = 0;  // steps done
  State extras = {};      // what else the caller keeps: loss curve, options
  Pruning* pruning = nullptr;
};

// Writes the run into one safetensors file, in whole or not at all (core/io/files.hpp). Its tensors are
// "model." + a parameter's name, "optimizer." + …, "pruning." + …, "extras." + …; its texts likewise,
// "step", "generator" and "taper.checkpoint", which tells a checkpoint from other files. Throws as
// save_safetensors does, and if step < 0 or two parameters have the same name.
void save_checkpoint(const std::string& path, const Run& run);

// Reads such a file into a run of the same model, optimizer and, if there is one, pruning: the parameters in
// place, and the generator, the step and the extras. Throws, naming the file and what is wrong in it, if it
// can't be read, is no checkpoint, or does not fit one of the three; then nothing has changed.
void load_checkpoint(const std::string& path, Run& run);

}  // namespace taper::nn
