// Disks that are full, files that vanish and permissions that are missing, for everything that writes files: the old file
// stays as it was, nothing lies beside it, and the message says where and why.
#include "support/helpers.hpp"
#include "support/scratch.hpp"
#include <taper/taper.hpp>

#include <csignal>
#include <filesystem>
#include <functional>
#include <thread>

#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace taper::test {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

// As long as it lives, no file can grow beyond so many bytes.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit before_;
  void (*handler_)(int);
};

// As long as it lives, the permissions of files hold for this thread, even if it is root's.
class Unprivileged {
 public:
  Unprivileged() {
    get(before_);
    Capabilities less;
    get(less);
    less[0].effective &= ~(1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH);
    set(less);
  }
  ~Unprivileged() { set(before_); }
  Unprivileged(const Unprivileged&) = delete;
  Unprivileged& operator=(const Unprivileged&) = delete;

 private:
  using Capabilities = __user_cap_data_struct[2];
  static void get(Capabilities& capabilities) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    EXPECT_EQ(syscall(SYS_capget, &header, capabilities), 0);
  }
  static void set(const Capabilities& capabilities) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    EXPECT_EQ(syscall(SYS_capset, &header, capabilities), 0);
  }

  Capabilities before_;
};

// What writes whole files.
struct Writer {
  const char* op;
  std::string name;  // of the file
  std::function<void(const std::string&)> write;
};

class FailingWrites : public Scratch {
 protected:
  std::vector<Writer> writers() const {
    const Tensor x = arange(12);
    const Tensor picture = reshape(x, {3, 2, 2}) * 0.05;
    return {{"save_npy", "x.npy", [=](const std::string& to) { save_npy(to, x); }},
            {"save_safetensors", "x",
             [=](const std::string& to) {
               save_safetensors(to, {{{"x", x}}});
             }},
            {"save_safetensors", "model",
             [](const std::string& to) {
               Generator generator;
               nn::save(to, nn::Linear(2, 2, generator));
             }},
            {"save_safetensors", "run",
             [](const std::string& to) {
               Generator generator;
               const nn::Linear model(2, 2, generator);
               optim::Adam adam(model.parameters());
               nn::save_checkpoint(to, {model, adam, generator});
             }},
            {"save_image", "x.png", [=](const std::string& to) { save_image(to, picture); }},
            {"save_image", "x.ppm", [=](const std::string& to) { save_image(to, picture); }},
            {"show", "tape.html",
             [](const std::string& to) {
               Tape tape({.keep_values = true});
               square(ones({2}).requires_grad());
               show(tape, to);
             }},
            {"page", "page.html", [](const std::string& to) { training::Page("a run", "").save(to); }}};
  }
};

TEST_F(FailingWrites, AFullDiskLeavesTheOldFile) {
  for (const Writer& writer : writers()) {
    const std::string file = write("old", writer.name);
    {
      const FullDisk full(10);
      expect_error(writer.op, [&] { writer.write(file); }, {file, "File too large"});
    }
    EXPECT_EQ(read(file), "old") << writer.name;
    EXPECT_EQ(names(), Names{writer.name});
    writer.write(file);
    EXPECT_NE(read(file), "old") << writer.name;
    fs::remove(file);
  }
}

// As a device is: a rename in its place would be the end of /dev/null.
TEST_F(FailingWrites, APipeIsWrittenIntoAndStays) {
  for (const Writer& writer : writers()) {
    const std::string plain = path("plain" + writer.name), pipe = path(writer.name);
    writer.write(plain);
    ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
    std::string got;
    std::thread reader([&] { got = read(pipe); });
    writer.write(pipe);
    reader.join();
    const bool has_times = writer.op == std::string("show");
    EXPECT_TRUE(has_times ? !got.empty() : got == read(plain)) << writer.name;
    EXPECT_TRUE(fs::is_fifo(pipe));
    fs::remove(plain), fs::remove(pipe);
    EXPECT_EQ(names(), Names{});
  }
}

TEST_F(FailingWrites, AFolderThatIsNotThereIsNamed) {
  for (const Writer& writer : writers()) {
    const std::string file = path("gone/" + writer.name);
    expect_error(writer.op, [&] { writer.write(file); }, {file, "No such file or directory"});
    EXPECT_EQ(names(), Names{});
  }
}

TEST_F(FailingWrites, AFileThatMustNotBeWrittenStays) {
  for (const Writer& writer : writers()) {
    const std::string file = write("old", writer.name);
    fs::permissions(file, fs::perms::owner_read);
    const Unprivileged user;
    expect_error(writer.op, [&] { writer.write(file); }, {file, "Permission denied"});
    EXPECT_EQ(read(file), "old") << writer.name;
    EXPECT_EQ(names(), Names{writer.name});
    fs::remove(file);
  }
}

TEST_F(FailingWrites, AFolderThatMustNotBeChangedStays) {
  fs::permissions(folder, fs::perms::owner_read | fs::perms::owner_exec);
  {
    const Unprivileged user;
    for (const Writer& writer : writers()) {
      expect_error(writer.op, [&] { writer.write(path(writer.name)); },
                   {path(writer.name), "Permission denied"});
    }
    expect_error("CsvLog", [&] { training::CsvLog(path("run.csv")); },
                 {path("run.csv"), "Permission denied"});
    expect_error("EventLog", [&] { training::EventLog(path("run")); }, {path("run"), "Permission denied"});
    EXPECT_EQ(names(), Names{});
  }
  fs::permissions(folder, fs::perms::owner_all);
}

TEST_F(FailingWrites, AFileThatMustNotBeReadIsNamed) {
  const std::string file = write("1,2\n");
  fs::permissions(file, fs::perms::none);
  const Unprivileged user;
  for (const auto& [op, load] : std::vector<std::pair<const char*, std::function<void()>>>{
           {"load_npy", [&] { load_npy(file); }},
           {"load_csv", [&] { load_csv(file); }},
           {"load_csv_table", [&] { load_csv_table(file); }},
           {"load_safetensors", [&] { load_safetensors(file); }},
           {"load_image", [&] { load_image(file); }},
           {"load_idx", [&] { load_idx(file); }}}) {
    expect_error(op, load, {file, "Permission denied"});
  }
}

TEST_F(FailingWrites, ALinkStaysAndItsFileIsReplaced) {
  write("old", "file");
  fs::permissions(path("file"), fs::perms::owner_read | fs::perms::owner_write);
  fs::create_symlink("file", path("link"));
  internal::write_file("test", path("link"), "new");
  EXPECT_EQ(read(path("file")), "new");
  EXPECT_TRUE(fs::is_symlink(path("link")));
  EXPECT_EQ(names(), (Names{"file", "link"}));
  // What nobody else might read, nobody else may.
  EXPECT_EQ(fs::status(path("file")).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(FailingWrites, ALogKeepsItsWholeRows) {
  const std::string file = path("run.csv");
  training::CsvLog log(file);
  {
    const FullDisk full(3);
    expect_error("CsvLog", [&] { log.add(0, {{"loss", 1}}); }, {file, "File too large"});
    EXPECT_EQ(read(file), "");
  }
  log.add(1, {{"loss", 0.5}});
  {
    const FullDisk full(20);
    expect_error("CsvLog", [&] { log.add(2, {{"loss", 0.123456789}}); }, {file, "File too large"});
  }
  EXPECT_EQ(read(file), "step,loss\n1,0.5\n");
  log.add(3, {{"loss", 0.25}});
  EXPECT_EQ(read(file), "step,loss\n1,0.5\n3,0.25\n");
}

TEST_F(FailingWrites, AnEventLogKeepsItsWholeRecords) {
  training::EventLog log(path("run"));
  const std::string file = fs::directory_iterator(path("run"))->path().string();
  log.add(1, {{"loss", 0.5}});
  const std::string before = read(file);
  {
    const FullDisk full(before.size() + 20);
    expect_error("EventLog", [&] { log.add(2, {{"loss", 0.25}}); }, {file, "File too large"});
  }
  EXPECT_EQ(read(file), before);
  log.add(3, {{"loss", 0.25}});
  EXPECT_EQ(read(file).substr(0, before.size()), before);
}

TEST_F(FailingWrites, ALogThatVanishesIsNamed) {
  training::CsvLog log(path("run.csv"));
  log.add(1, {{"loss", 0.5}});
  fs::remove(path("run.csv"));
  expect_error("CsvLog", [&] { log.add(2, {{"loss", 0.25}}); }, {path("run.csv"), "was removed"});
  training::EventLog events(path("run"));
  fs::remove_all(path("run"));
  expect_error("EventLog", [&] { events.add(2, {{"loss", 0.25}}); }, {"run/events", "was removed"});
}

}  // namespace
}  // namespace taper::test
