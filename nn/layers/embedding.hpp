// Embedding: a vector for each of a number of symbols.
#pragma once

#include "../../core/indices.hpp"
#include "../../core/random.hpp"
#include "../module.hpp"

namespace taper::nn {

// y[…, :] = table[tokens[…], :] with a table (symbols, width) that starts standard normal.
class Embedding : public Module {
 public:
  // Throws unless symbols and width are at least 1.
  Embedding(std::int64_t symbols, std::int64_t width, Generator& generator, DType dtype = float32);
  Embedding(std::int64_t symbols, std::int64_t width, DType dtype = float32)
      : Embedding(symbols, width, default_generator(), dtype) {}

  // Throws if a token is out of range.
  Tensor operator()(const Indices& tokens) const;
  void list(Parts& parts) const override;

  Tensor table;
};

}  // namespace taper::nn
