// Embedding: initialisation and forward.
#include "embedding.hpp"

#include "../../core/fail.hpp"
#include "../../ops/layout/gather.hpp"

namespace taper::nn {

Embedding::Embedding(std::int64_t symbols, std::int64_t width, Generator& generator, DType dtype) {
  if (symbols < 1 || width < 1)
    fail("Embedding", "wanted at least one symbol and a width of 1, got ", symbols, " and ", width);
  table = randn({symbols, width}, generator, dtype).requires_grad();
}

Tensor Embedding::operator()(const Indices& tokens) const {
  check_given("Embedding", "table", table);
  const Scope scope = Scope::outermost("Embedding");
  return gather(table, tokens, 0);
}

void Embedding::list(Parts& parts) const { parts.add("table", table); }

}  // namespace taper::nn
