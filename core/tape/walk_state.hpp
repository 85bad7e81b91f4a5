// How far a walk along the tape has come, for checks that run inside a vector-Jacobian product. Only the
// tape's own files include this.
#pragma once

#include "../tape.hpp"

namespace taper {

// Lives as long as the walk. Walks nest: a vector-Jacobian product may itself ask a tape for a gradient.
class Tape::Walk {
 public:
  Walk(const Tape& tape, const char* op)
      : tape(tape),
        op(op),
        start(internal::change_count.load(std::memory_order_relaxed)),
        outer_(walk_),
        outer_changes_(internal::changes_since_recording) {
    walk_ = this;
    internal::changes_since_recording = 0;
  }
  ~Walk() {
    walk_ = outer_;
    internal::changes_since_recording = outer_changes_;
  }
  Walk(const Walk&) = delete;
  Walk& operator=(const Walk&) = delete;

  // The walk comes to the node that was recorded at `recorded`, and hands its products this cotangent.
  void visit(std::uint32_t at, std::uint64_t recorded, const Tensor& with) {
    node = at;
    cotangent = &with;
    internal::changes_since_recording = start - recorded;
  }

  const Tape& tape;
  const char* const op;
  const std::uint64_t start;  // by internal::change_count
  std::uint32_t node = 0;
  const Tensor* cotangent = nullptr;

 private:
  const Walk* const outer_;
  const std::uint64_t outer_changes_;
};

}  // namespace taper
