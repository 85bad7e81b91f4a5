// Files: read in whole, and written in whole or not at all, or growing line by line. Every file that the library
// reads or writes goes through these.
#pragma once

#include <string>
#include <string_view>

namespace taper::internal {

// The bytes of a file. Throws Error("[op] path: …") if it is missing, is a folder, or can't be read.
std::string read_file(const char* op, const std::string& path);

// Makes `bytes` the contents of the file, in whole or not at all: they go to path + ".partial" first, and to
// the disk, and that file then takes the place of the old one, and its permissions. Even if the process is
// killed or the power fails, whoever reads the path finds the old contents or the new. A .partial that a killed
// process left is overwritten by the next one; two processes that write at the same time wait for each other. A
// link stays, and the file behind it is replaced; a device or a pipe is written into. Throws
// Error("[op] path: …") if writing fails, or if the old file must not be written; then that file is as it was, and
// nothing lies beside it.
void write_file(const char* op, const std::string& path, std::string_view bytes);

// A log: a file that is begun anew and grows. What was appended is there for every reader, also if the program
// is killed afterwards. Throws Error("[op] path: …") if opening or writing fails, or if somebody has removed the
// file; an append that fails leaves nothing of itself, so that a later one goes on behind the last whole record.
class GrowingFile {
 public:
  GrowingFile(const char* op, const std::string& path);
  ~GrowingFile();
  GrowingFile(const GrowingFile&) = delete;
  GrowingFile& operator=(const GrowingFile&) = delete;

  void append(std::string_view bytes);

 private:
  const char* op_;
  std::string path_;
  int file_;
};

}  // namespace taper::internal
