// Files: read in whole, and written in whole or not at all. Every file that the library reads or writes goes
// through these two functions.
#pragma once

#include <string>
#include <string_view>

namespace taper::internal {

// The bytes of a file. Throws Error("[op] path: …") if it is missing, is a folder, or can't be read.
std::string read_file(const char* op, const std::string& path);

// Makes `bytes` the contents of the file, in whole or not at all: they go to path + ".partial" first, and to
// the disk, and that file then takes the place of the old one. Even if the process is killed or the power
// fails, whoever reads the path finds the old contents or the new. A .partial that a killed process left is
// overwritten by the next one; two processes that write at the same time wait for each other. Throws
// Error("[op] path: …") if writing fails; then the old file is as it was, and nothing lies beside it.
void write_file(const char* op, const std::string& path, std::string_view bytes);

}  // namespace taper::internal
