// safetensors files: named tensors and texts in one file, the format of the Python package of that name,
// which PyTorch's users read and write (https://github.com/huggingface/safetensors). It calls a State's
// texts metadata.
#pragma once

#include "state.hpp"

#include <string>
#include <string_view>

namespace taper {

// Writes the file, in whole or not at all (core/io/files.hpp). Equal states give equal bytes. Throws, naming
// the file and the tensor, if a handle is empty or has more than 64 axes, if a name or a text is not UTF-8,
// if a name holds a zero byte or is "__metadata__", and if the file can't be written.
void save_safetensors(const std::string& path, const State& state);

// Reads a file, and trusts nothing in it. Throws if the file is missing or cut short, if a single byte of it
// breaks the format, or if it holds a tensor of another dtype or of more than 64 axes. The error names the
// file and, if there is one, the tensor. Takes no more memory than some twenty times the header's size and
// three times that of the elements.
State load_safetensors(const std::string& path);

namespace internal {
// A text from a file as messages show it: quoted, what is not printable ASCII as \uXXXX, and not long.
std::string shown(std::string_view text);
}  // namespace internal

}  // namespace taper
