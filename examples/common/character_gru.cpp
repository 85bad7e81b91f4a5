// The model, its measurement, and how it writes.
#include "character_gru.hpp"

namespace example {

using namespace taper;

CharacterGru::CharacterGru(std::int64_t alphabet, const CharacterGruOptions& options, Generator& generator)
    : symbols(alphabet, options.embedding, generator),
      gru(options.embedding, options.width, generator),
      logits(options.width, alphabet, generator),
      dropout(options.dropout, generator) {}

void CharacterGru::list(nn::Parts& parts) const {
  parts.add("symbols", symbols), parts.add("gru", gru), parts.add("logits", logits);
  parts.add("dropout", dropout);
}

Tensor CharacterGru::states(const Indices& tokens) const { return gru(dropout(symbols(tokens))); }
Tensor CharacterGru::operator()(const Indices& tokens) const { return logits(dropout(states(tokens))); }

Measure measure(const CharacterGru& model, const Stretches& stretches) {
  model.eval();
  const Tensor logits = model(stretches.inputs);
  model.train();
  return {nn::cross_entropy(logits, stretches.labels).item(), nn::accuracy(logits, stretches.labels)};
}

Characters write(const CharacterGru& model, std::int64_t first, int length, Generator generator) {
  Characters text{first};
  Tensor state;  // all zeros at first
  while (static_cast<int>(text.size()) <= length) {
    const auto [outputs, last] =
        model.gru.run(model.symbols(Indices({text.back()}, {1, 1})), {.state = state});
    text.push_back(draw_character(model.logits(outputs), generator));
    state = last;
  }
  return text;
}

}  // namespace example
