// A training run that signals end two hundred times, at any moment, and that goes on each time from its
// checkpoint as if nothing had happened. TAPER_KILLS sets another number.
#include "support/helpers.hpp"
#include "support/scratch.hpp"
#include <taper/core/io/safetensors.hpp>
#include <taper/core/random.hpp>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace taper::test {
namespace {

using std::chrono::duration;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return duration<double>(Clock::now() - start).count(); }
void sleep_seconds(double seconds) { std::this_thread::sleep_for(duration<double>(seconds)); }

// The program of programs/training.cpp, running.
class Process {
 public:
  Process(const std::string& folder, int steps) {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    output_ = ends[0];
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    // No signal is ignored, as SIGHUP is under nohup.
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t all;
    sigfillset(&all);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    std::string program = TAPER_TRAINING_PROGRAM, argument = folder, count = std::to_string(steps);
    char* const arguments[] = {program.data(), argument.data(), count.data(), nullptr};
    EXPECT_EQ(posix_spawn(&id_, program.c_str(), &actions, &attributes, arguments, environ), 0);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
  }
  Process(const Process&) = delete;
  ~Process() { close(output_); }

  // Waits for its first line, or its end.
  void wait_for_output() const {
    pollfd wanted{output_, POLLIN, 0};
    poll(&wanted, 1, -1);
  }
  void kill(int signal) const { ::kill(id_, signal); }
  // Reads "step bits" lines until its end into `losses`. Returns the status of waitpid.
  int finish(std::map<int, std::string>& losses) const {
    std::string text;
    char piece[4096];
    for (ssize_t got; (got = ::read(output_, piece, sizeof piece)) > 0;)
      text.append(piece, static_cast<std::size_t>(got));
    int status = 0;
    EXPECT_EQ(waitpid(id_, &status, 0), id_);
    std::istringstream lines(text);
    int step;
    for (std::string bits; lines >> step >> bits;) {
      EXPECT_EQ(bits.size(), 16u);
      losses[step] = bits;
    }
    return status;
  }

 private:
  pid_t id_ = 0;
  int output_ = -1;
};

class Kill : public Scratch {};

TEST_F(Kill, ARunSurvivesTwoHundred) {
  const std::uint64_t seed = fresh_seed();
  SCOPED_TRACE("TAPER_SEED=" + std::to_string(seed));
  Generator generator(seed);
  for (const char* name : {"first", "pieces", "whole"}) std::filesystem::create_directories(path(name));
  std::map<int, std::string> first, pieces, whole;

  // What a start and a step take here.
  constexpr int first_steps = 20;
  const auto start = Clock::now();
  const Process trial(path("first"), first_steps);
  trial.wait_for_output();
  const double start_takes = seconds_since(start);
  ASSERT_EQ(trial.finish(first), 0);
  // The time that steps have taken, and how many: the disk's speed changes.
  double stepping = seconds_since(start) - start_takes;
  std::size_t stepped = first_steps;

  const std::string checkpoint = path("pieces/checkpoint.safetensors");
  // Ends a process; takes over its losses, which a step that was done before must repeat bit for bit.
  const auto finish = [&](const Process& process) {
    std::map<int, std::string> piece;
    const int status = process.finish(piece);
    stepped += piece.size();
    for (const auto& [step, bits] : piece) EXPECT_EQ(pieces.emplace(step, bits).first->second, bits) << step;
    return status;
  };

  int during_write = 0, reached = 0;
  const char* const kills = std::getenv("TAPER_KILLS");
  for (int round = 0; round < (kills ? std::atoi(kills) : 200); ++round) {
    const Process process(path("pieces"), 1'000'000);
    if (round % 10 == 0) {  // also while it starts and loads
      sleep_seconds(generator.uniform() * start_takes);
    } else {
      process.wait_for_output();
      const double delay = generator.uniform() * 2 * stepping / static_cast<double>(stepped);
      sleep_seconds(delay);
      stepping += delay;
    }
    const int signal = std::array{SIGKILL, SIGINT, SIGTERM, SIGHUP}[static_cast<std::size_t>(round % 4)];
    process.kill(signal);
    const int status = finish(process);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == signal)
        << "it ended by itself, in round " << round;

    if (reached > 0 || std::filesystem::exists(checkpoint)) {
      const int step = std::stoi(load_safetensors(checkpoint).texts.at("step"));
      EXPECT_GE(step, reached);
      reached = step;
    }
    for (const auto& entry : std::filesystem::directory_iterator(path("pieces"))) {
      const std::string name = entry.path().filename();
      if (name == "checkpoint.safetensors") continue;
      EXPECT_EQ(name, "checkpoint.safetensors.partial");
      ++during_write;
    }
    if (HasFailure()) return;
  }
  RecordProperty("KilledDuringTheWrite", during_write);
  RecordProperty("StepsReached", reached);
  EXPECT_GT(during_write, 0);
  EXPECT_GT(reached, 0);

  const int steps = reached + 3;
  EXPECT_EQ(finish(Process(path("pieces"), steps)), 0);
  EXPECT_EQ(Process(path("whole"), steps).finish(whole), 0);
  EXPECT_EQ(pieces.size(), static_cast<std::size_t>(steps));
  EXPECT_EQ(pieces, whole);
  EXPECT_FALSE(std::filesystem::exists(path("pieces/checkpoint.safetensors.partial")));
}

}  // namespace
}  // namespace taper::test
