// Reading a text file.
#include "text.hpp"

#include <taper/core/fail.hpp>
#include <taper/core/io/files.hpp>
#include <taper/core/io/utf8.hpp>

#include <map>

namespace example {
namespace {

[[noreturn]] void reject(const std::string& path, const std::string& why) {
  taper::fail("read_text", path, ": ", why);
}

}  // namespace

std::string Text::spell(const std::vector<std::int64_t>& numbers) const {
  std::string spelled;
  for (std::int64_t number : numbers) spelled += alphabet[static_cast<std::size_t>(number)];
  return spelled;
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
  for (const std::string& character : sequence) text.characters.push_back(number[character]);
  return text;
}

}  // namespace example
