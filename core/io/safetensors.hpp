// safetensors files: named tensors and texts in one file, as the Python package of that name and with it
// PyTorch's users read and write them (https://github.com/huggingface/safetensors). A State's texts are what
// the format calls metadata.
#pragma once

#include "state.hpp"

#include <string>
#include <string_view>

namespace taper {

// Writes the file, in whole or not at all (core/io/files.hpp). Equal states give equal bytes. Throws, naming
// the file and the tensor, where a handle is empty or has more than 64 axes, a name or a text is not UTF-8, a
// name holds a zero byte or is "__metadata__", and where the file can't be written.
void save_safetensors(const std::string& path, const State& state);

// Reads a file, which it trusts in nothing. Throws, naming the file and, where there is one, the tensor,
// where the file is missing, cut short, not of that format in any byte, or holds a tensor of another dtype or
// of more than 64 axes. Takes no more memory than some twenty times the header's
// size and three times that of the elements.
State load_safetensors(const std::string& path);

namespace detail {
// A text out of a file as messages show it: quoted, what is not printable ASCII as \uXXXX, and not long.
std::string shown(std::string_view text);
}  // namespace detail

}  // namespace taper
