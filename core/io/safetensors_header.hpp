// The header of a safetensors file, taken apart.
#pragma once

#include "stored.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace taper::internal {

inline constexpr const char* safetensors_metadata = "__metadata__";
inline constexpr std::size_t safetensors_length_bytes = 8;
inline constexpr std::size_t safetensors_longest_header =
    100'000'000;  // the reference implementation's limit

// What a file says about one tensor, and its elements.
struct SafetensorsEntry {
  std::string name, dtype;     // the dtype as the file calls it: "F32"
  std::optional<Stored> kind;  // none if the dtype is another than those of stored.hpp
  Shape shape;
  std::string_view bytes;  // of the file
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  // in the order of their bytes
  std::map<std::string, std::string> texts;
};

// The kind that a dtype such as "F32" names, if it is one of stored.hpp's.
std::optional<Stored> kind_of_safetensors(std::string_view dtype);

// The header of a file with these bytes, checked against their number. Throws Error("[load_safetensors] path: …") as
// load_safetensors says. A tensor of a dtype that stored.hpp lacks is not checked against its shape.
SafetensorsHeader read_safetensors_header(const std::string& path, std::string_view file);

}  // namespace taper::internal
