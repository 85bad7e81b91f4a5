// Child processes for the tests of fork().
#pragma once

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

namespace taper::test {

// How the child of a fork() ended that was to call `body` and then exit(0), or exit(1) if body throws or a
// test fails in it. A child that hangs is ended after 20 seconds.
inline std::string end_of(pid_t child) {
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) return "not started";
  if (WIFSIGNALED(status)) {
    if (WTERMSIG(status) == SIGALRM) return "hung";
    return "signal " + std::to_string(WTERMSIG(status));
  }
  return "exit " + std::to_string(WEXITSTATUS(status));
}

inline pid_t start_child(const std::function<bool()>& body) {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child != 0) return child;
  alarm(20);
  try {
    std::exit(body() ? 0 : 1);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "in a child: %s\n", error.what());
    std::exit(1);
  }
}

inline std::string end_of_child(const std::function<bool()>& body) { return end_of(start_child(body)); }

}  // namespace taper::test
