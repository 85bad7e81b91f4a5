// TapeOptions::keep_values: copies of what the tape sees, with clock and memory stopped while they are made.
#include "recorder.hpp"

#include "../fail.hpp"
#include "../memory/device_memory.hpp"
#include "../memory/transfer.hpp"
#include "../scope.hpp"

#include <cstring>
#include <exception>

namespace taper {

const Trace& Tape::checked_trace(const char* method) const {
  if (!recorder_) fail(method, "the tape keeps no values: make it with Tape tape({.keep_values = true})");
  return recorder_->trace();
}

const Trace& Tape::trace() const { return checked_trace("trace"); }

namespace internal {

constinit thread_local TraceRecorder* recorders = nullptr;

namespace {

TraceRecorder::Object object_of(const TensorImpl& tensor) {
  return {"tensor", tensor.shape, tensor.element_bytes(), &tensor};
}

std::int64_t in_use(Device device) { return static_cast<std::int64_t>(pool_stats(device).bytes_in_use); }

}  // namespace

void announce(const TensorImpl& object) {
  if (TraceRecorder* recorder = Tape::recorder_of_recording()) recorder->made(&object, object_of(object));
}

void announce(const void* object, const char* what, const Shape& shape, std::size_t bytes,
              const std::function<Contents()>& contents) {
  if (TraceRecorder* recorder = Tape::recorder_of_recording())
    recorder->made(object, what, shape, bytes, contents);
}

void forget(const TensorImpl& object) {
  for (TraceRecorder* recorder = recorders; recorder; recorder = recorder->next_) recorder->gone(&object);
}

// While one of these lives, the time and the memory that pass are the recorder's, not the program's.
class TraceRecorder::Pause {
 public:
  explicit Pause(TraceRecorder& recorder) : recorder_(recorder), off_(nullptr) {
    recorder_.seconds_ += std::chrono::duration<double>(Clock::now() - recorder_.resumed_).count();
    bytes_ = in_use(Device::cpu());
  }
  ~Pause() {
    recorder_.own_bytes_ += in_use(Device::cpu()) - bytes_;
    recorder_.resumed_ = Clock::now();
  }
  Pause(const Pause&) = delete;
  Pause& operator=(const Pause&) = delete;

 private:
  TraceRecorder& recorder_;
  const Tape::Recording off_;
  std::int64_t bytes_;
};

TraceRecorder::TraceRecorder()
    : next_(recorders), resumed_(Clock::now()), bytes_at_start_(in_use(Device::cpu())) {
  recorders = this;
}

TraceRecorder::~TraceRecorder() {
  TraceRecorder** link = &recorders;
  while (*link && *link != this) link = &(*link)->next_;
  if (*link) *link = next_;
}

Tensor TraceRecorder::copy(const Tensor& x) {
  return x ? copied("Trace", x.detach(), {x.dtype(), Device::cpu()}) : Tensor();
}

std::int64_t TraceRecorder::bytes_in_use(Device device) {
  if (device.is_cpu()) return in_use(device) - own_bytes_ - bytes_at_start_;
  if (!uses_device_) device_bytes_at_start_ = in_use(device);  // the first value on the device
  uses_device_ = true;
  return in_use(device) - device_bytes_at_start_;
}

void TraceRecorder::made(const void* address, const char* what, const Shape& shape, std::size_t bytes,
                         const std::function<Contents()>& contents) {
  const Pause pause(*this);
  made(address, {what, shape, bytes, nullptr, contents()});
}

void TraceRecorder::leaf(const Tensor& value) {
  const std::int64_t bytes = bytes_in_use(value.device());
  const Pause pause(*this);
  trace_.nodes.push_back({"", Scope::path(), value.device(), copy(value), {}, {}, 0, bytes});
}

void TraceRecorder::node(const char* op, const Tape::Edge* edges, const Tensor& result,
                         std::span<const Tensor* const> inputs) {
  const std::int64_t bytes = bytes_in_use(result.device());
  const Pause pause(*this);
  Trace::Node node{op,   Scope::path(), result.device(), copy(result), {}, {}, seconds_ - seconds_at_event_,
                   bytes};
  for (const Tensor* input : inputs) {
    Trace::Input& argument = node.inputs.emplace_back();
    if (!Tape::tracks(*input)) argument.value = copy(*input);
  }
  for (const Tape::Edge* edge = edges; edge; edge = edge->next) {
    node.inputs[edge->argument].node = edge->input;
    node.edges.push_back({edge->argument, edge->input, edge->closure().size(), held(*edge, result, inputs)});
  }
  trace_.nodes.push_back(std::move(node));
  seconds_at_event_ = seconds_;
}

// A tensor in a closure is a pointer to its header, and something shared is a pointer to that. Each word of
// the closure is compared with the addresses of all that the op could have put there, so that no op has to
// say what it keeps.
std::vector<Trace::Held> TraceRecorder::held(const Tape::Edge& edge, const Tensor& result,
                                             std::span<const Tensor* const> inputs) const {
  std::unordered_map<const void*, Object> arguments;
  for (const Tensor* input : inputs) arguments.try_emplace(&input->impl(), object_of(input->impl()));
  arguments.try_emplace(&result.impl(), object_of(result.impl()));
  const auto find = [&](const void* address) -> const Object* {
    if (const auto found = arguments.find(address); found != arguments.end()) return &found->second;
    const auto found = objects_.find(address);
    return found == objects_.end() ? nullptr : &found->second;
  };
  const auto name_of = [&](const Object& object) -> std::string {  // a view has the name of what it shows
    if (!object.tensor) return object.what;
    if (object.tensor->data == result.impl().data) return "result";
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (object.tensor->data == inputs[i]->impl().data) return "argument " + std::to_string(i);
    }
    return object.what;
  };

  std::vector<const Object*> found;
  const std::span<const std::byte> closure = edge.closure();
  for (std::size_t at = 0; at + sizeof(void*) <= closure.size(); at += sizeof(void*)) {
    const void* word;
    std::memcpy(&word, closure.data() + at, sizeof word);
    if (const Object* object = find(word)) found.push_back(object);
  }
  // The bytes between two members may hold what was there before. A copy of the closure tells: it adds a
  // reference to each tensor that is really held.
  const auto references = [&] {
    std::vector<std::uint32_t> counts;
    for (const Object* object : found)
      counts.push_back(object->tensor ? object->tensor->references.load() : 0);
    return counts;
  };
  const std::vector<std::uint32_t> before = references();
  std::vector<std::uint32_t> with_copy = before;
  edge.while_copied([&] { with_copy = references(); });
  std::vector<Trace::Held> held;
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (!found[i]->tensor || with_copy[i] > before[i])
      held.push_back({name_of(*found[i]), found[i]->shape, found[i]->bytes, found[i]->contents});
  }
  return held;
}

void TraceRecorder::gradient(std::uint32_t node, const Tensor& value) {
  const Pause pause(*this);
  trace_.walks[ended_walk_].gradients.push_back({node, copy(value)});
}

WalkRecorder::WalkRecorder(TraceRecorder* recorder, const char* call, std::uint32_t node,
                           const GradientOptions& options, const Tensor& cotangent, std::size_t nodes)
    : recorder_(recorder) {
  if (!recorder_) return;
  const TraceRecorder::Pause pause(*recorder_);
  index_ = recorder_->trace_.walks.size();
  const bool keep_graph = options.keep_graph || options.create_graph;
  recorder_->trace_.walks.push_back({call,
                                     node,
                                     recorder_->copy(cotangent),
                                     keep_graph,
                                     options.create_graph,
                                     nodes,
                                     {},
                                     {},
                                     /*failed: until end()=*/true});
}

void WalkRecorder::add_visit(std::uint32_t node, const Tensor& cotangent) {
  const TraceRecorder::Pause pause(*recorder_);
  device_ = cotangent.device();
  visit_began_ = recorder_->seconds_at_event_ = recorder_->seconds_;
  walk().visits.push_back({node, recorder_->copy(cotangent), {}, 0, 0, 0, false});
}

void WalkRecorder::add_contribution(const Tape::Edge& edge, const Tensor& value) {
  const TraceRecorder::Pause pause(*recorder_);
  contribution_ = value ? &value.impl() : nullptr;
  walk().visits.back().contributions.push_back({edge.argument, edge.input, recorder_->copy(value), {}});
}

void WalkRecorder::add_what_was_added(const Tape::Edge& edge, const Tensor& cotangent) {
  const TraceRecorder::Pause pause(*recorder_);
  add_contribution(edge, edge.vjp(cotangent));
  contribution_ = nullptr;  // it is gone
}

void WalkRecorder::add_total(const Tensor& total) {
  const TraceRecorder::Pause pause(*recorder_);
  Trace::Contribution& last = walk().visits.back().contributions.back();
  last.total =
      &total.impl() == contribution_ ? last.value : recorder_->copy(total);  // the first fills the slot
}

void WalkRecorder::close_visit(bool freed, std::size_t nodes) {
  const std::int64_t bytes = recorder_->bytes_in_use(device_);
  const TraceRecorder::Pause pause(*recorder_);
  Trace::Visit& visit = walk().visits.back();
  visit.seconds = recorder_->seconds_ - visit_began_;
  visit.bytes = bytes;
  visit.nodes = nodes;
  visit.freed = freed;
  recorder_->seconds_at_event_ = recorder_->seconds_;
}

void WalkRecorder::end() {
  if (!recorder_) return;
  walk().failed = false;
  recorder_->ended_walk_ = index_;
}

}  // namespace internal
}  // namespace taper
