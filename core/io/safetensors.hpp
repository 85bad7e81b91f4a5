// safetensors files: named tensors and texts in one file, the format of the Python package of that name,
// which PyTorch's users read and write (https://github.com/huggingface/safetensors). It calls a State's
// texts metadata.
#pragma once

#include "state.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace taper {

// Writes the file, in whole or not at all (core/io/files.hpp). Equal states give equal bytes. Throws, naming
// the file and the tensor, if a handle is empty or has more than 64 axes, if a name or a text is not UTF-8,
// if a name holds a zero byte or is "__metadata__", if State::others is not empty, and if the file can't be written.
void save_safetensors(const std::string& path, const State& state);

struct SafetensorsOptions {
  // The tensors to read; by default all.
  std::vector<std::string> names = {};
  // If it is given, every tensor is converted to it: floats of 16, 32 and 64 bits (bfloat16 too), whole numbers and truth
  // values, each number exactly.
  std::optional<DType> dtype = {};
};

// Reads a file, and trusts nothing in it. float32 and float64 are read as they are; of a tensor of another
// dtype, State::others has the name and the dtype, unless the options convert it.
//
// Throws if the file is missing or cut short, if a single byte of it breaks the format, if a tensor has more
// than 64 axes, if one of options.names is not in the file or can't be read, and if a number is none of
// options.dtype: 2^24 + 1 is no float32. The error names the file and, if there is one, the tensor. Takes no
// more memory than some twenty times the header's size and three times that of the elements.
State load_safetensors(const std::string& path, const SafetensorsOptions& options = {});

namespace internal {
// A text from a file as messages show it: quoted, what is not printable ASCII as \uXXXX, and not long.
std::string shown(std::string_view text);

// Throws Error("[op] path: …") if State::others is not empty, with what to do about it.
void check_all_read(const char* op, const std::string& path, const State& state);
}  // namespace internal

}  // namespace taper
