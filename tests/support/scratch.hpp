// A test with a folder of its own, which goes when the test ends.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

namespace taper::test {

class Scratch : public testing::Test {
 protected:
  // ctest runs tests at the same time: the folder is this process's own.
  Scratch() : folder(std::filesystem::temp_directory_path() / ("taper_test_" + std::to_string(getpid()))) {
    std::filesystem::create_directories(folder);
  }
  ~Scratch() override { std::filesystem::remove_all(folder); }

  std::string path(const std::string& name) const { return (folder / name).string(); }

  std::string write(const std::string& bytes, const std::string& name = "file") const {
    std::filesystem::remove(path(name));  // ext4 flushes to the disk what overwrites a file
    std::ofstream(path(name), std::ios::binary) << bytes;
    return path(name);
  }

  static std::string read(const std::string& path) {
    std::ostringstream bytes;
    bytes << std::ifstream(path, std::ios::binary).rdbuf();
    return bytes.str();
  }

  // The names in the folder, sorted.
  std::vector<std::string> names() const {
    std::vector<std::string> result;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      result.push_back(entry.path().filename().string());
    std::sort(result.begin(), result.end());
    return result;
  }

  const std::filesystem::path folder;
};

// The bytes of numbers as they stand in a file.
template <class T>
std::string bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

}  // namespace taper::test
