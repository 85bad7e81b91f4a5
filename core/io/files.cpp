// Files through POSIX, whose rename() replaces a file atomically and whose fsync() reaches the disk; C++
// streams promise neither.
#include "files.hpp"

#include "../fail.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <system_error>
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

[[noreturn]] void fail_to_write(const char* op, const std::string& path, int error) {
  fail(op, path, ": can't be written: ", std::strerror(error));
}

// Where a path leads if it is a link that leads somewhere: the link stays, and the file behind it is replaced.
std::string followed(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_symlink(path, error)) return path;
  const std::string target = std::filesystem::canonical(path, error).string();
  return error ? path : target;
}

}  // namespace

std::string read_file(const char* op, const std::string& path) {
  const Descriptor file(uninterrupted([&] { return open(path.c_str(), O_RDONLY | O_CLOEXEC); }));
  struct stat status;
  if (!file || fstat(*file, &status) != 0)
    fail(op, path, ": can't be opened; does it exist, and may it be read? (", std::strerror(errno), ")");
  if (S_ISDIR(status.st_mode)) fail(op, path, ": is a directory");
  std::string bytes;
  const auto resize = [&](std::size_t size) {
    try {
      bytes.resize(size);
    } catch (const std::exception&) {  // bad_alloc, or length_error
      fail(op, path, ": is too large for memory: it has ", size - 1, " bytes or more");
    }
  };
  // One byte more than the file should have, so that the last read finds the end without growing.
  resize(S_ISREG(status.st_mode) ? static_cast<std::size_t>(status.st_size) + 1 : 1 << 16);
  std::size_t size = 0;
  for (;;) {
    const ssize_t got = uninterrupted([&] { return read(*file, bytes.data() + size, bytes.size() - size); });
    if (got < 0) fail(op, path, ": reading failed: ", std::strerror(errno));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
    if (size == bytes.size()) resize(2 * bytes.size());
  }
  bytes.resize(size);
  return bytes;
}

void write_file(const char* op, const std::string& path, std::string_view bytes) {
  const std::string target = followed(path), partial = target + ".partial";
  struct stat old;
  const bool exists = stat(target.c_str(), &old) == 0;
  // A rename would put a plain file in the place of a device or a pipe.
  if (exists && !S_ISREG(old.st_mode) && !S_ISDIR(old.st_mode)) {
    const Descriptor device(uninterrupted([&] { return open(target.c_str(), O_WRONLY | O_CLOEXEC); }));
    if (!device) fail_to_open(op, path);
    if (!write_all(*device, bytes)) fail_to_write(op, path, errno);
    return;
  }
  // A rename asks nobody whether the old file may be written.
  if (exists && faccessat(AT_FDCWD, target.c_str(), W_OK, AT_EACCESS) != 0) fail_to_write(op, path, errno);
  const Descriptor file = open_locked(partial);
  if (!file) fail_to_open(op, path);
  if (exists) fchmod(*file, old.st_mode & 0777);  // as far as the file system has permissions
  if (ftruncate(*file, 0) == 0 && write_all(*file, bytes) &&
      uninterrupted([&] { return fsync(*file); }) == 0 && std::rename(partial.c_str(), target.c_str()) == 0) {
    flush_folder(target);
    return;
  }
  const int error = errno;
  unlink(partial.c_str());
  fail_to_write(op, path, error);
}

GrowingFile::GrowingFile(const char* op, const std::string& path)
    : op_(op), path_(path), file_(uninterrupted([&] {
        return open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
      })) {
  if (file_ < 0) fail_to_open(op, path);
}

GrowingFile::~GrowingFile() { close(file_); }

void GrowingFile::append(std::string_view bytes) {
  struct stat status;
  const bool is_plain = fstat(file_, &status) == 0 && S_ISREG(status.st_mode);
  if (is_plain && status.st_nlink == 0) fail(op_, path_, ": was removed while it was being written");
  if (write_all(file_, bytes)) return;
  const int error = errno;
  // What was written in part would spoil what comes after it.
  if (is_plain && ftruncate(file_, status.st_size) != 0) fail(op_, path_, ": ends with a part of a record");
  fail_to_write(op_, path_, error);
}

}  // namespace taper::internal
