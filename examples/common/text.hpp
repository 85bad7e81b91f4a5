// A text file as a sequence of characters: reading it, and numbering its alphabet.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace example {

// The characters of a text, numbered in the order of their code points.
struct Text {
  std::vector<std::string> alphabet;  // alphabet[i] is character i, in UTF-8
  std::vector<std::int64_t> characters;

  // The text that the numbers spell.
  std::string spell(const std::vector<std::int64_t>& numbers) const;
};

// Reads a UTF-8 text file. Throws taper::Error, naming the file, if it is missing, a directory, empty, not
// text (it holds a zero byte or is not UTF-8), or shorter than `at_least` characters.
Text read_text(const std::string& path, std::size_t at_least);

}  // namespace example
