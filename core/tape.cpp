// The walk along the tape.
#include "tape.hpp"

#include "create.hpp"
#include "fail.hpp"
#include "gradient_lock.hpp"
#include "memory/device_memory.hpp"
#include "record.hpp"
#include "tape/recorder.hpp"
#include "tape/walk_state.hpp"
#include "threads.hpp"

#include <atomic>

namespace taper {

constinit thread_local Tape* Tape::recording_ = nullptr;
constinit thread_local const Tape::Walk* Tape::walk_ = nullptr;

namespace {

std::atomic<std::uint64_t> next_id{1};

// sum = x + y, both of one shape and kind; sum may be x.
void add_elements(const char* op, const Tensor& x, const Tensor& y, const Tensor& sum) {
  const std::byte *const x_bytes = x.impl().data, *const y_bytes = y.impl().data;
  std::byte* const sum_bytes = sum.impl().data;
  if (!x.device().is_cpu())
    return internal::device_memory(op, x.device()).add(x.dtype(), x_bytes, y_bytes, sum_bytes, x.size());
  dispatch(x.dtype(), [&]<class T>() {
    const T *a = reinterpret_cast<const T*>(x_bytes), *b = reinterpret_cast<const T*>(y_bytes);
    T* out = reinterpret_cast<T*>(sum_bytes);
    parallel_ranges(x.size(), part_size, [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) out[i] = a[i] + b[i];
    });
  });
}

// x + y for two cotangents of one value, recorded like any op so that gradients of gradients see it. (The op
// add stands above core.) x is overwritten if nobody else can see it.
Tensor sum_of_cotangents(const char* op, Tensor x, const Tensor& y) {
  const auto identity = [](const Tensor& cotangent) { return cotangent; };
  if (x.is_sole_owner() && !Tape::tracks(x)) {
    add_elements(op, x, y, x);
    return record("sum_of_cotangents", std::move(x), vjp(y, identity));
  }
  Tensor sum = Tensor::uninitialized(op, x.shape(), x.kind());
  add_elements(op, x, y, sum);
  return record("sum_of_cotangents", std::move(sum), vjp(x, identity), vjp(y, identity));
}

}  // namespace

Tape::Tape(const TapeOptions& options)
    : id_(next_id.fetch_add(1, std::memory_order_relaxed)),
      enclosing_(recording_),
      check_finite_(options.check_finite),
      recorder_(options.keep_values ? std::make_unique<internal::TraceRecorder>() : nullptr) {
  recording_ = this;
}

Tape::~Tape() {
  for (auto node = nodes_.rbegin(); node != nodes_.rend(); ++node) free_edges(*node);
  // Usually this tape is the innermost; but one that was made on the heap may end out of order.
  for (Tape** link = &recording_; *link; link = &(*link)->enclosing_) {
    if (*link == this) {
      *link = enclosing_;
      break;
    }
  }
}

void Tape::free_edges(Node& node) {
  for (Edge* edge = node.edges; edge;) {
    Edge* next = edge->next;
    edge->~Edge();
    edge = next;
  }
  node.edges = nullptr;
}

std::uint32_t Tape::append(const char* op, Edge* edges, const internal::TensorImpl& value) {
  const std::size_t index = nodes_.size();
  if (index >= foreign) fail("Tape", "more nodes than one tape can hold: ", index);
  const int rank = value.shape.size();
  std::int64_t* extents = nullptr;
  if (rank != 0) {
    extents = static_cast<std::int64_t*>(arena_.allocate(static_cast<std::size_t>(rank) * sizeof *extents));
    std::copy_n(value.shape.data(), rank, extents);
  }
  if (nodes_.empty()) nodes_.reserve(64);  // growing from one would take a small tape five blocks
  nodes_.push_back({op,
                    edges,
                    extents,
                    rank,
                    {value.dtype, value.device},
                    internal::change_count.load(std::memory_order_relaxed)});
  return static_cast<std::uint32_t>(index);
}

std::uint32_t Tape::node_of(const Tensor& x) {
  const internal::TensorImpl& impl = x.impl();
  if (impl.tape == id_) return impl.node;
  if (impl.tape != 0 && !adopts_) return foreign;
  if (const auto known = leaf_nodes_.find(&impl); known != leaf_nodes_.end()) return known->second;
  if (leaves_.empty()) leaves_.reserve(16);
  leaves_.push_back({x, append(nullptr, nullptr, impl)});
  const std::uint32_t node = leaves_.back().node;
  leaf_nodes_.emplace(&impl, node);
  if (recorder_) recorder_->leaf(x);
  return node;
}

void Tape::add_node(const char* op, Edge* edges, const Tensor& result) {
  result.impl().node = append(op, edges, result.impl());
  result.impl().tape = id_;
}

void Tape::watch_result(const char* op, const Tensor& result, std::span<const Tensor* const> inputs) {
  if (recorder_ && result.impl().tape == id_) recorder_->node(op, nodes_.back().edges, result, inputs);
  if (check_finite_) check_result(op, result, inputs);
}

void Tape::check_output(const char* op, const Tensor& output, const GradientOptions& options) const {
  const internal::TensorImpl& impl = check_given(op, "loss", output).impl();
  if (!tracks(output)) {
    fail(op, "loss of shape ", output.shape(),
         " depends on nothing that asks for a gradient, or was computed while no "
         "tape recorded");
  }
  if (impl.tape != 0 && impl.tape != id_) {
    fail(op, "loss of shape ", output.shape(), " was recorded on ", text_of_tape(impl.tape, recording_),
         ": call that tape's backward while it lives");
  }
  if (!options.cotangent) {
    if (output.size() != 1) {
      fail(op, "loss must have one element, or a cotangent must be given: loss is ", output.shape());
    }
  } else if (!(options.cotangent.shape() == output.shape()) || options.cotangent.kind() != output.kind()) {
    fail(op, "cotangent must have the loss's shape, dtype and device: cotangent is ",
         options.cotangent.kind(), " ", options.cotangent.shape(), ", loss is ", output.kind(), " ",
         output.shape());
  }
}

// Out of line, so that the walk stays as small as without it.
void Tape::check_edge(const char* op, std::uint32_t node, const Edge& edge, const Tensor& cotangent,
                      const Tensor& contribution, const Tensor& total) const {
  check_contribution(op, node, edge, cotangent, contribution);
  const Recording off(nullptr);
  if (total) check_total(op, edge.input, sum_of_cotangents(op, total, contribution));
}

// Walks from the output to the start of the tape and returns the cotangents of the leaves. With `marks`, it
// visits only the nodes that lead to a marked input, and returns the cotangents of the marked inputs too.
Tape::PoolVector<Tensor> Tape::walk_back(const char* op, const Tensor& output, const GradientOptions& options,
                                         const PoolVector<Mark>* marks) {
  const bool keep_graph = options.keep_graph || options.create_graph;
  const std::uint32_t last = node_of(output);
  PoolVector<Tensor> cotangents(last + std::size_t{1});
  const Tape* const innermost = recording_;
  const Recording recording(options.create_graph ? this : nullptr);
  cotangents[last] = options.cotangent ? options.cotangent : ones(output.shape(), output.kind());

  const bool may_add_in_place = !options.create_graph && !check_finite_;
  Walk walk(*this, op);
  internal::WalkRecorder recorder(recorder_.get(), op, last, options, cotangents[last], nodes_.size());
  for (std::uint32_t i = last + 1; i-- > 0;) {
    if (!cotangents[i] || !nodes_[i].op || (marks && !(*marks)[i].leads_to_input)) continue;
    if (nodes_[i].is_freed()) {
      fail(op, "the graph behind the loss was freed by an earlier backward, at a node of ", nodes_[i].op,
           ": give that one {.keep_graph = true}");
    }
    const bool is_input = marks && (*marks)[i].is_input;
    const Tensor cotangent = is_input ? cotangents[i] : std::move(cotangents[i]);
    walk.visit(i, nodes_[i].recorded, cotangent);
    recorder.begin_visit(i, cotangent);
    for (const Edge* edge = nodes_[i].edges; edge; edge = edge->next) {
      if (edge->input == foreign) fail_foreign(op, i, *edge, innermost);
      if (marks && !(*marks)[edge->input].is_wanted()) continue;
      Tensor& total = cotangents[edge->input];
      if (total && may_add_in_place && edge->add_to(total, cotangent)) {
        recorder.added(*edge, cotangent);
        recorder.total(total);
        continue;
      }
      Tensor contribution = edge->vjp(cotangent);
      if (!contribution || !nodes_[edge->input].is_like(contribution.impl())) [[unlikely]]
        fail_contribution(op, i, *edge, contribution);
      recorder.contribution(*edge, contribution);
      if (check_finite_) [[unlikely]]
        check_edge(op, i, *edge, cotangent, contribution, total);
      internal::note_read(contribution.impl());  // it may be a tensor that the product kept
      total =
          total ? sum_of_cotangents(nodes_[i].op, std::move(total), contribution) : std::move(contribution);
      recorder.total(total);
    }
    if (!keep_graph) free_edges(nodes_[i]);
    recorder.end_visit(!keep_graph, nodes_.size());
  }
  recorder.end();
  return cotangents;
}

void Tape::backward(const Tensor& loss, const GradientOptions& options) {
  check_output("backward", loss, options);
  PoolVector<Tensor> cotangents = walk_back("backward", loss, options, nullptr);

  const internal::GradientLock lock;
  PoolVector<std::pair<const Leaf*, Tensor>> totals;  // all of them first: a failing call changes no gradient
  totals.reserve(leaves_.size());
  for (const Leaf& leaf : leaves_) {
    const internal::TensorImpl& impl = leaf.tensor.impl();
    if (leaf.node >= cotangents.size()) break;
    if (!cotangents[leaf.node] || !impl.wants_grad) continue;
    Tensor gradient = std::move(cotangents[leaf.node]);
    if (const Kind kind = leaf.tensor.kind(); gradient.kind() != kind) {
      fail("backward", "a leaf of shape ", impl.shape, " was moved to ", kind,
           " after it was recorded, its gradient is ", gradient.kind());
    }
    const Recording recording(options.create_graph ? this : nullptr);
    if (impl.grad) {
      gradient = sum_of_cotangents("backward", impl.grad, gradient);
    } else if (!gradient.is_sole_owner() && !options.create_graph) {
      gradient = gradient.clone();  // so that nobody who scales one gradient in place scales another
    }
    totals.emplace_back(&leaf, std::move(gradient));
  }
  for (auto& [leaf, gradient] : totals) leaf->tensor.impl().grad = std::move(gradient);
  if (recorder_) {
    for (const auto& [leaf, gradient] : totals) recorder_->gradient(leaf->node, leaf->tensor.impl().grad);
  }
}

std::vector<Tensor> Tape::gradient(const Tensor& loss, const std::vector<Tensor>& inputs,
                                   const GradientOptions& options) {
  return gradient("gradient", loss, inputs, options, /*stops_at_inputs=*/false);
}

std::vector<Tensor> Tape::gradient(const char* op, const Tensor& loss, const std::vector<Tensor>& inputs,
                                   const GradientOptions& options, bool stops_at_inputs) {
  check_output(op, loss, options);
  check_given(op, "inputs", inputs);
  PoolVector<Mark> marks(node_of(loss) + std::size_t{1});
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Tensor& input = inputs[i];
    if (!tracks(input) || (input.impl().tape != 0 && input.impl().tape != id_ && !adopts_)) {
      fail(op, "inputs[", i, "] of shape ", input.shape(),
           " neither asks for a gradient (requires_grad) nor was recorded on this tape");
    }
    const std::uint32_t node = node_of(input);
    if (node < marks.size()) marks[node].is_input = true;
  }
  bool input_before = false;
  for (std::size_t i = 0; i < marks.size(); ++i) {
    if (stops_at_inputs && marks[i].is_input) continue;
    // A freed node has forgotten where it leads. If an input may lie behind it, it is marked:
    // visiting it throws.
    marks[i].leads_to_input = nodes_[i].is_freed() && input_before;
    for (const Edge* edge = nodes_[i].edges; edge && !marks[i].leads_to_input; edge = edge->next) {
      marks[i].leads_to_input = edge->input == foreign || marks[edge->input].is_wanted();
    }
    input_before |= marks[i].is_input;
  }

  const PoolVector<Tensor> cotangents = walk_back(op, loss, options, &marks);
  std::vector<Tensor> gradients;
  for (const Tensor& input : inputs) {
    const std::uint32_t node = node_of(input);
    const bool reached = node < cotangents.size() && cotangents[node];
    gradients.push_back(reached ? cotangents[node] : zeros(input.shape(), input.kind()));
    if (recorder_) recorder_->gradient(node, gradients.back());
  }
  return gradients;
}

}  // namespace taper
