// Reading a text file, and drawing from it.
#include "text.hpp"

#include <taper/core/fail.hpp>
#include <taper/core/io/files.hpp>
#include <taper/core/io/utf8.hpp>
#include <taper/ops/ops.hpp>

#include <map>
#include <utility>

namespace example {
namespace {

[[noreturn]] void reject(const std::string& path, const std::string& why) {
  taper::fail("read_text", path, ": ", why);
}

Stretches stretches(const Characters& text, const Characters& starts, std::int64_t length) {
  Characters inputs, labels;
  for (std::int64_t first : starts) {
    const auto start = text.begin() + first;
    inputs.insert(inputs.end(), start, start + length);
    labels.insert(labels.end(), start + 1, start + 1 + length);
  }
  const taper::Shape shape{static_cast<std::int64_t>(starts.size()), length};
  return {{std::move(inputs), shape}, {std::move(labels), shape}};
}

}  // namespace

std::string Text::spell(const Characters& numbers) const {
  std::string spelled;
  for (std::int64_t number : numbers) spelled += alphabet[static_cast<std::size_t>(number)];
  return spelled;
}

std::vector<std::string> Text::labels(const Characters& numbers) const {
  std::vector<std::string> labels;
  for (std::int64_t number : numbers) {
    const std::string character = spell({number});
    labels.push_back(character == " " ? "␣" : character == "\n" ? "↵" : character);
  }
  return labels;
}

Text read_text(const std::string& path, std::size_t at_least) {
  const std::string bytes = taper::internal::read_file("read_text", path);
  if (bytes.empty()) reject(path, "is empty, wanted a text file");
  std::vector<std::string> sequence;
  std::map<std::string, std::int64_t> number;  // UTF-8 sorts by code point
  for (std::size_t i = 0; i < bytes.size();) {
    const std::size_t length = taper::internal::character_length(std::string_view(bytes).substr(i));
    if (length == 0) {
      reject(path, "is not text: byte " + std::to_string(i) + " is not UTF-8 (or is a zero byte)");
    }
    sequence.push_back(bytes.substr(i, length));
    number.try_emplace(sequence.back());
    i += length;
  }
  if (sequence.size() < at_least) {
    reject(path, "has " + std::to_string(sequence.size()) + " characters, wanted at least " +
                     std::to_string(at_least));
  }
  Text text;
  for (auto& [character, index] : number) {
    index = static_cast<std::int64_t>(text.alphabet.size());
    text.alphabet.push_back(character);
  }
  for (const std::string& character : sequence) text.training.push_back(number[character]);
  const auto split = text.training.begin() + static_cast<std::int64_t>(sequence.size() / 10 * 9);
  text.held_out.assign(split, text.training.end());
  text.training.erase(split, text.training.end());
  return text;
}

Stretches draw_stretches(const Characters& text, std::int64_t count, std::int64_t length,
                         taper::Generator& generator) {
  const auto places = static_cast<double>(text.size()) - static_cast<double>(length);
  Characters starts;
  for (std::int64_t i = 0; i < count; ++i) {
    starts.push_back(static_cast<std::int64_t>(generator.uniform() * places));
  }
  return stretches(text, starts, length);
}

Stretches spread_stretches(const Characters& text, std::int64_t count, std::int64_t length) {
  const std::int64_t last = static_cast<std::int64_t>(text.size()) - length - 1;
  Characters starts;
  for (std::int64_t i = 0; i < count; ++i) starts.push_back(last * i / count);
  return stretches(text, starts, length);
}

std::int64_t draw_character(const taper::Tensor& logits, taper::Generator& generator) {
  const std::vector<double> p = softmax(logits / 0.8).to_vector();
  double left = generator.uniform();
  std::size_t next = 0;
  while (next + 1 < p.size() && (left -= p[next]) >= 0) ++next;
  return static_cast<std::int64_t>(next);
}

}  // namespace example
