// A text file as sequences of characters: reading it, numbering its alphabet, cutting stretches out of it,
// and writing on.
#pragma once

#include <taper/core/indices.hpp>
#include <taper/core/random.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace example {

using Characters = std::vector<std::int64_t>;

// The characters of a text, numbered in the order of their code points. Nine tenths of them are for training;
// the rest is used only to measure.
struct Text {
  std::vector<std::string> alphabet;  // alphabet[i] is character i, in UTF-8
  Characters training, held_out;

  std::size_t size() const { return training.size() + held_out.size(); }
  // The text that the numbers spell.
  std::string spell(const Characters& numbers) const;
  // The same, a character each, with signs for the space and the end of a line: labels for a map.
  std::vector<std::string> labels(const Characters& numbers) const;
};

// Reads a UTF-8 text file. Throws taper::Error, naming the file, if it is missing, a directory, empty, not
// text (it holds a zero byte or is not UTF-8), or shorter than `at_least` characters.
Text read_text(const std::string& path, std::size_t at_least);

// Stretches of a text, and for each the same stretch one character later: (count, length) both.
struct Stretches {
  taper::Indices inputs, labels;
};

// `count` stretches that begin at random places.
Stretches draw_stretches(const Characters& text, std::int64_t count, std::int64_t length,
                         taper::Generator& generator);
// `count` stretches that are spread evenly over the text, the same in every call.
Stretches spread_stretches(const Characters& text, std::int64_t count, std::int64_t length);

// A character from the distribution softmax(logits / 0.8), which is a little sharper than the model's own.
// logits: one number for each character of the alphabet.
std::int64_t draw_character(const taper::Tensor& logits, taper::Generator& generator);

}  // namespace example
