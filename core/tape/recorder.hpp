// TraceRecorder: fills a Trace while a tape records and walks.
#pragma once

#include "../tape.hpp"
#include "creations.hpp"
#include "trace.hpp"

#include <chrono>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

namespace taper::internal {

class TraceRecorder {
 public:
  TraceRecorder();
  ~TraceRecorder();
  TraceRecorder(const TraceRecorder&) = delete;
  TraceRecorder& operator=(const TraceRecorder&) = delete;

  const Trace& trace() const { return trace_; }
  void leaf(const Tensor& value);
  void node(const char* op, const Tape::Edge* edges, const Tensor& result,
            std::span<const Tensor* const> inputs);
  // What a walk that came to its end gave for a leaf or an input.
  void gradient(std::uint32_t node, const Tensor& value);

  // Something that a closure may hold: a tensor, or what the op calls it.
  struct Object {
    const char* what;
    Shape shape;
    std::size_t bytes;
    const TensorImpl* tensor;  // null if it is none
    Contents contents = {};
  };
  void made(const void* address, Object object) { objects_.insert_or_assign(address, std::move(object)); }
  void made(const void* address, const char* what, const Shape& shape, std::size_t bytes,
            const std::function<Contents()>& contents);
  void gone(const void* address) { objects_.erase(address); }

 private:
  friend class WalkRecorder;
  friend void forget(const TensorImpl& object);
  using Clock = std::chrono::steady_clock;
  class Pause;

  Tensor copy(const Tensor& x);
  std::int64_t bytes_in_use(Device device);
  std::vector<Trace::Held> held(const Tape::Edge& edge, const Tensor& result,
                                std::span<const Tensor* const> inputs) const;

  TraceRecorder* next_;  // in the list `recorders`
  Trace trace_;
  std::unordered_map<const void*, Object> objects_;  // by their addresses
  std::size_t ended_walk_ = 0;                       // the last one that came to its end

  Clock::time_point resumed_;    // when the recorder last gave the thread back
  double seconds_ = 0;           // what the thread has taken for itself
  double seconds_at_event_ = 0;  // the end of the last node or visit

  std::int64_t own_bytes_ = 0;  // of the copies, in the pool of this thread
  std::int64_t bytes_at_start_, device_bytes_at_start_ = 0;
  bool uses_device_ = false;
};

// What the recorder sees of one walk; does nothing without a recorder.
class WalkRecorder {
 public:
  WalkRecorder(TraceRecorder* recorder, const char* call, std::uint32_t node, const GradientOptions& options,
               const Tensor& cotangent, std::size_t nodes);
  WalkRecorder(const WalkRecorder&) = delete;
  WalkRecorder& operator=(const WalkRecorder&) = delete;

  void begin_visit(std::uint32_t node, const Tensor& cotangent) {
    if (recorder_) [[unlikely]]
      add_visit(node, cotangent);
  }
  void contribution(const Tape::Edge& edge, const Tensor& value) {
    if (recorder_) [[unlikely]]
      add_contribution(edge, value);
  }
  // What the edge returns for this cotangent was added in place, so that there was no tensor for it.
  void added(const Tape::Edge& edge, const Tensor& cotangent) {
    if (recorder_) [[unlikely]]
      add_what_was_added(edge, cotangent);
  }
  void total(const Tensor& total) {
    if (recorder_) [[unlikely]]
      add_total(total);
  }
  void end_visit(bool freed, std::size_t nodes) {
    if (recorder_) [[unlikely]]
      close_visit(freed, nodes);
  }
  void end();

 private:
  Trace::Walk& walk() { return recorder_->trace_.walks[index_]; }
  void add_visit(std::uint32_t node, const Tensor& cotangent);
  void add_contribution(const Tape::Edge& edge, const Tensor& value);
  void add_what_was_added(const Tape::Edge& edge, const Tensor& cotangent);
  void add_total(const Tensor& total);
  void close_visit(bool freed, std::size_t nodes);

  TraceRecorder* recorder_;
  std::size_t index_ = 0;
  double visit_began_ = 0;
  const TensorImpl* contribution_ = nullptr;  // the last one
  Device device_ = Device::cpu();
};

}  // namespace taper::internal
