// How far a check has come, for a caller or a person at a terminal. Inside the gradient checker.
#pragma once

#include <chrono>
#include <functional>

namespace taper::gradcheck_detail {

class Progress {
 public:
  explicit Progress(const std::function<void(double)>& callback) : callback_(callback) {}
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `done` of the work, in [0, 1]. Cheap: looks at the clock.
  void show(double done);

 private:
  using Clock = std::chrono::steady_clock;
  const std::function<void(double)>& callback_;
  Clock::time_point next_ = Clock::now() + std::chrono::seconds(1);
  bool drawn_ = false;
};

}  // namespace taper::gradcheck_detail
