// Files are written in whole or not at all, whatever goes wrong in between.
#include "support/helpers.hpp"
#include "support/scratch.hpp"
#include <taper/core/io/files.hpp>

#include <csignal>
#include <filesystem>
#include <thread>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

namespace taper::test {
namespace {

namespace fs = std::filesystem;
using internal::read_file;
using internal::write_file;
using Names = std::vector<std::string>;

class Files : public Scratch {};

TEST_F(Files, ComeBackAsTheyWere) {
  std::string every_byte;
  for (int i = 0; i < 256; ++i) every_byte += static_cast<char>(i);
  for (const std::string& bytes :
       {std::string(), std::string("x"), every_byte, std::string(3'000'001, 'a')}) {
    write_file("test", path("file"), bytes);
    EXPECT_EQ(read_file("test", path("file")), bytes);
    EXPECT_EQ(read(path("file")), bytes);
  }
  EXPECT_EQ(names(), Names{"file"});
}

TEST_F(Files, APipeIsReadToItsEnd) {
  const std::string pipe = path("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const std::string bytes(200'000, 'p');
  std::thread writer([&] { std::ofstream(pipe, std::ios::binary) << bytes; });
  EXPECT_EQ(read_file("test", pipe), bytes);
  writer.join();
}

TEST_F(Files, ANameWithoutAFolderIsInTheWorkingFolder) {
  const fs::path before = fs::current_path();
  fs::current_path(folder);
  write_file("test", "plain", "1");
  fs::current_path(before);
  EXPECT_EQ(read(path("plain")), "1");
}

TEST_F(Files, WhatCannotBeReadIsNamed) {
  expect_error("test", [&] { read_file("test", path("missing")); }, {path("missing"), "exist"});
  expect_error("test", [&] { read_file("test", folder.string()); }, {folder.string(), "is a directory"});
  expect_error("test", [&] { read_file("test", ""); }, {"can't be opened"});
}

TEST_F(Files, AWriteThatCannotBeginLeavesNothing) {
  expect_error("test", [&] { write_file("test", path("no/file"), "1"); }, {path("no/file"), "folder"});
  EXPECT_EQ(names(), Names{});
}

TEST_F(Files, AWriteThatCannotEndLeavesTheOldFile) {
  fs::create_directories(path("taken/inside"));
  expect_error("test", [&] { write_file("test", path("taken"), "1"); }, {path("taken")});
  EXPECT_EQ(names(), Names{"taken"});

  // No room after 100000 bytes.
  write_file("test", path("file"), "old");
  rlimit limit, before;
  getrlimit(RLIMIT_FSIZE, &before);
  limit = before;
  limit.rlim_cur = 100'000;
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &limit);
  expect_error("test", [&] { write_file("test", path("file"), std::string(100'001, 'n')); }, {path("file")});
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(names(), (Names{"file", "taken"}));
  EXPECT_EQ(read(path("file")), "old");
}

TEST_F(Files, WhatAKilledProcessLeftIsOverwritten) {
  write(std::string(1000, 'x'), "file.partial");
  write_file("test", path("file"), "new");
  EXPECT_EQ(read(path("file")), "new");
  EXPECT_EQ(names(), Names{"file"});
}

// A link that someone else put there must not lead the bytes elsewhere.
TEST_F(Files, APartialThatIsALinkIsNotFollowed) {
  write("precious", "victim");
  fs::create_symlink(path("victim"), path("file.partial"));
  expect_error("test", [&] { write_file("test", path("file"), "new"); }, {path("file")});
  EXPECT_EQ(read(path("victim")), "precious");
}

// Each reader and each end finds one writer's bytes in whole.
TEST_F(Files, WritersAtTheSameTimeDoNotMix) {
  std::vector<std::string> contents;
  for (char c : {'a', 'b', 'c'}) contents.push_back(std::string(static_cast<std::size_t>(c) * 3000, c));
  const auto is_whole = [&](const std::string& bytes) {
    return std::find(contents.begin(), contents.end(), bytes) != contents.end();
  };
  write_file("test", path("file"), contents[0]);
  std::vector<std::thread> writers;
  for (const std::string& bytes : contents) {
    writers.emplace_back([&] {
      try {
        for (int i = 0; i < 20; ++i) write_file("test", path("file"), bytes);
      } catch (const Error& error) {
        ADD_FAILURE() << error.what();
      }
    });
  }
  int broken = 0;
  for (int i = 0; i < 100; ++i) broken += !is_whole(read_file("test", path("file")));
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(broken, 0);
  EXPECT_TRUE(is_whole(read(path("file"))));
  EXPECT_EQ(names(), Names{"file"});
}

}  // namespace
}  // namespace taper::test
