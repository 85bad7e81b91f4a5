// Every input of the fuzzers' corpora (tests/fuzz/corpus) is read or refused. A defect ends the program.
#include "fuzz/readers.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

TEST(Corpus, IsReadOrRefused) {
  for (const Reader& reader : readers()) {
    int count = 0;
    for (const auto& input :
         std::filesystem::directory_iterator(std::string(TAPER_CORPUS_DIR) + "/" + reader.name)) {
      SCOPED_TRACE(input.path().string());
      std::ostringstream bytes;
      bytes << std::ifstream(input.path(), std::ios::binary).rdbuf();
      EXPECT_NO_THROW(reader.read(bytes.str()));
      ++count;
    }
    EXPECT_GT(count, 0) << reader.name;
  }
}

}  // namespace
}  // namespace taper::test
