// Files through POSIX, whose rename() replaces a file atomically and whose fsync() reaches the disk; C++
// streams promise neither.
#include "files.hpp"

#include "../fail.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace taper::internal {
namespace {

// An open file. The end of the scope closes it, and so gives back the lock that it holds.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  explicit operator bool() const { return number_ >= 0; }
  int operator*() const { return number_; }

 private:
  int number_;
};

// Repeats a system call as long as a signal interrupts it.
template <class Call>
auto uninterrupted(const Call& call) {
  auto result = call();
  while (result == -1 && errno == EINTR) result = call();
  return result;
}

// Opens and locks the file at `path`, or returns none, with errno set. Between open and flock another process
// may have renamed or removed the file: then the one that stands there now is opened.
Descriptor open_locked(const std::string& path) {
  for (;;) {
    Descriptor file(
        uninterrupted([&] { return open(path.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666); }));
    if (!file) return file;
    uninterrupted([&] { return flock(*file, LOCK_EX); });  // a file system that has no locks does without
    struct stat opened, named;
    if (fstat(*file, &opened) != 0) return Descriptor(-1);
    if (stat(path.c_str(), &named) == 0 && opened.st_ino == named.st_ino && opened.st_dev == named.st_dev)
      return file;
  }
}

bool write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    // Linux writes less than 2 GiB at once.
    const std::size_t piece = std::min(bytes.size(), std::size_t{1} << 30);
    const ssize_t written = uninterrupted([&] { return write(file, bytes.data(), piece); });
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

// Makes a rename in the folder of `path` survive a power cut, if the file system can do that. Even if it
// can't, the file is whole: the old one or the new.
void flush_folder(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  if (const Descriptor file(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)); file) {
    uninterrupted([&] { return fsync(*file); });
  }
}

[[noreturn]] void fail_to_open(const char* op, const std::string& path) {
  fail(op, path, ": can't be written; does its folder exist, and may it be changed? (", std::strerror(errno),
       ")");
}

}  // namespace

std::string read_file(const char* op, const std::string& path) {
  const Descriptor file(uninterrupted([&] { return open(path.c_str(), O_RDONLY | O_CLOEXEC); }));
  struct stat status;
  if (!file || fstat(*file, &status) != 0)
    fail(op, path, ": can't be opened; does it exist, and may it be read?");
  if (S_ISDIR(status.st_mode)) fail(op, path, ": is a directory");
  std::string bytes;
  // One byte more than the file should have, so that the last read finds the end without growing.
  bytes.resize(S_ISREG(status.st_mode) ? static_cast<std::size_t>(status.st_size) + 1 : 1 << 16);
  std::size_t size = 0;
  for (;;) {
    const ssize_t got = uninterrupted([&] { return read(*file, bytes.data() + size, bytes.size() - size); });
    if (got < 0) fail(op, path, ": reading failed: ", std::strerror(errno));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
    if (size == bytes.size()) bytes.resize(2 * bytes.size());
  }
  bytes.resize(size);
  return bytes;
}

void write_file(const char* op, const std::string& path, std::string_view bytes) {
  const std::string partial = path + ".partial";
  const Descriptor file = open_locked(partial);
  if (!file) fail_to_open(op, path);
  if (ftruncate(*file, 0) == 0 && write_all(*file, bytes) &&
      uninterrupted([&] { return fsync(*file); }) == 0 && std::rename(partial.c_str(), path.c_str()) == 0) {
    flush_folder(path);
    return;
  }
  const int error = errno;
  unlink(partial.c_str());
  fail(op, path, ": can't be written: ", std::strerror(error));
}

GrowingFile::GrowingFile(const char* op, const std::string& path)
    : op_(op), path_(path), file_(uninterrupted([&] {
        return open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
      })) {
  if (file_ < 0) fail_to_open(op, path);
}

GrowingFile::~GrowingFile() { close(file_); }

void GrowingFile::append(std::string_view bytes) {
  if (!write_all(file_, bytes)) fail(op_, path_, ": can't be written: ", std::strerror(errno));
}

}  // namespace taper::internal
