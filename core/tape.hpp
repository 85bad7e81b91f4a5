// Tape: the list of what was computed (a Wengert list), and reverse-mode differentiation along it.
//
// While a Tape lives, each op whose inputs need a gradient appends a node. Nodes stand in the order of
// execution, so that walking from the end meets every consumer of a value before its producer: backward needs
// no sort and no recursion. Reference: Griewank and Walther, Evaluating Derivatives (2nd ed., 2008),
// chapter 3.
#pragma once

#include "memory/arena.hpp"
#include "tensor.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace taper {

struct GradientOptions {
  // Record the gradients as well, so that they can be differentiated again. Keeps the graph.
  bool create_graph = false;
  // Leave the graph in place for another backward; without it a node is freed as soon as it has been used.
  bool keep_graph = false;
  // v in the vector-Jacobian product v^T dy/dx, of the output's shape and dtype. If it is not given, the
  // output must have one element, and v = 1.
  Tensor cotangent = {};
};

struct TapeOptions {
  // Throw at the first value that is not finite: a result of an op that runs while the tape records (even if
  // the op itself is not recorded), what a vector-Jacobian product returns in a walk, or a sum of such
  // products. The error names op, node, shape, the first such element, the range of the op's inputs, and the
  // Scope in which it ran. For debugging: it reads every value once more, on a device after a copy to the
  // host. An infinity on purpose (-inf in masked scores) throws as well.
  bool check_finite = false;
  // Keep all that the tape sees, to be looked at with trace(), print(), dot() and json() or shown as a page:
  // results, cotangents, what each edge returned, what each closure holds, times and memory. For learning and
  // debugging: it copies every value.
  bool keep_values = false;
};

struct Trace;
namespace internal {
class TraceRecorder;
class Segment;
}  // namespace internal

struct JsonOptions {
  // Of a tensor with more elements, only some rows and columns are written, evenly spaced.
  std::int64_t largest = 1024;
};

class Tape {
 public:
  // Records the ops of this thread from here on. If another tape is recording already, it rests meanwhile.
  explicit Tape(const TapeOptions& options = {});
  // Ends recording and frees the graph. Tensors live on, without their history.
  ~Tape();
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  // Adds d(loss)/d(leaf) to grad() of every leaf that asked for it (requires_grad) and that loss depends on.
  //
  // Throws if loss has more than one element and no cotangent is given, if loss was not recorded on this tape
  // (its tape is gone, or is another one), or if the graph was freed by an earlier backward. A failed call
  // changes no grad(). Threads with a tape each may call it at the same time for the same leaves: each adds
  // its gradients, one thread after the other.
  void backward(const Tensor& loss, const GradientOptions& options = {});

  // d(loss)/d(inputs[i]) for each i, of its shape; zeros if loss does not depend on it. Leaves' grad() is
  // untouched. An input is a leaf that asks for a gradient, or any result recorded on this tape. Throws as
  // backward does.
  std::vector<Tensor> gradient(const Tensor& loss, const std::vector<Tensor>& inputs,
                               const GradientOptions& options = {});

  // How many nodes have been recorded, leaves included.
  std::size_t node_count() const { return nodes_.size(); }

  // What the tape has seen so far. These four throw unless the tape was made with {.keep_values = true}.
  const Trace& trace() const;
  // A line for each node, with aligned columns: number, op, inputs, shape, bytes that its closures keep, memory
  // in use, time forward and backward, and scope. Units are written with the numbers.
  void print(std::ostream& out) const;
  void print() const;  // to std::cout
  // The graph in Graphviz's language (dot -Tsvg): a box for each node, in a frame for each Scope.
  std::string dot() const;
  // The whole trace as JSON; docs/seeing_the_tape.md has the format.
  std::string json(const JsonOptions& options = {}) const;

  // --- For record() in core/record.hpp ---

  // One argument of a recorded op: which node it came from, and the vector-Jacobian product with
  // respect to it.
  struct Edge {
    virtual ~Edge() = default;
    virtual Tensor vjp(const Tensor& cotangent) const = 0;
    // total += vjp(cotangent), in place, if the op says how (see vjp() in core/record.hpp); false if not.
    virtual bool add_to(Tensor& total, const Tensor& cotangent) const = 0;
    virtual std::span<const std::byte> closure() const = 0;  // with what it captured
    // Calls f while a copy of the closure lives; not at all if the closure can't be copied.
    virtual void while_copied(const std::function<void()>& f) const = 0;
    std::uint32_t input = 0;
    std::uint32_t argument = 0;  // its place among the op's vjp(…) arguments
    Edge* next = nullptr;
  };

  // The tape that records on this thread, or null.
  static Tape* recording() { return recording_; }

  // Does x need a gradient, on this tape or on another? (If on another, backward will say so.)
  static bool tracks(const Tensor& x) { return x.impl().wants_grad || x.impl().tape != 0; }

  template <class EdgeType, class Function>
  void add_edge(Edge*& edges, std::uint32_t argument, const Tensor& input, Function&& function) {
    const std::uint32_t node = node_of(input);  // before the edge, for it may throw
    void* const memory = arena_.allocate<EdgeType>();
    if (node == foreign) [[unlikely]]
      foreign_inputs_.push_back({memory, input.impl().tape});
    Edge* edge = new (memory) EdgeType(std::forward<Function>(function));
    edge->input = node;
    edge->argument = argument;
    edge->next = edges;
    edges = edge;
  }
  // Appends the node whose result is `result`.
  void add_node(const char* op, Edge* edges, const Tensor& result);

  // For TapeOptions: looks at the result of an op that just ran, recorded or not.
  bool is_watched() const { return check_finite_ || recorder_; }
  void watch_result(const char* op, const Tensor& result, std::span<const Tensor* const> inputs);
  // What keeps the values of the tape that records on this thread, or null.
  static internal::TraceRecorder* recorder_of_recording() {
    return recording_ ? recording_->recorder_.get() : nullptr;
  }

  // Makes `tape` the recording one (null: nothing records) until the end of the scope.
  class Recording {
   public:
    explicit Recording(Tape* tape) : before_(recording_) { recording_ = tape; }
    ~Recording() { recording_ = before_; }
    Recording(const Recording&) = delete;
    Recording& operator=(const Recording&) = delete;

   private:
    Tape* before_;
  };

 private:
  struct Node {
    const char* op;  // null for a leaf
    Edge* edges;     // null for a leaf, and once they were freed
    // Shape and kind of the value when it was recorded: its cotangents must have the same. Only the extents
    // are kept, in the arena; a scalar has none.
    const std::int64_t* extents;
    std::int32_t rank;
    Kind kind;
    std::uint64_t recorded;  // when, by internal::change_count

    bool is_freed() const { return op && !edges; }
    bool is_like(const internal::TensorImpl& x) const {
      return x.shape.size() == rank && x.dtype == kind.dtype && x.device == kind.device &&
             std::equal(extents, extents + rank, x.shape.data());
    }
  };
  struct Leaf {
    Tensor tensor;
    std::uint32_t node;
  };
  struct ForeignInput {
    const void* edge;
    std::uint64_t tape;  // its number
  };
  // What gradient() wants from a node.
  struct Mark {
    bool is_input = false;        // its cotangent is asked for
    bool leads_to_input = false;  // an input lies behind it
    bool is_wanted() const { return is_input || leads_to_input; }
  };
  template <class T>
  using PoolVector = internal::PoolVector<T>;
  using LeafNodes = std::unordered_map<
      const internal::TensorImpl*, std::uint32_t, std::hash<const internal::TensorImpl*>, std::equal_to<>,
      internal::PoolAllocator<std::pair<const internal::TensorImpl* const, std::uint32_t>>>;

  class Walk;                      // see tape/walk_state.hpp
  friend class internal::Segment;  // see recomputation.cpp
  friend void internal::check_unchanged(internal::TensorImpl& impl);

  static constexpr std::uint32_t foreign = 0xffffffff;  // the input was recorded on another tape

  // gradient(), whose errors name `op`. If it stops at inputs, none of them counts as depending on another.
  std::vector<Tensor> gradient(const char* op, const Tensor& loss, const std::vector<Tensor>& inputs,
                               const GradientOptions& options, bool stops_at_inputs);
  std::uint32_t node_of(const Tensor& x);
  std::uint32_t append(const char* op, Edge* edges, const internal::TensorImpl& value);
  void check_output(const char* op, const Tensor& output, const GradientOptions& options) const;
  PoolVector<Tensor> walk_back(const char* op, const Tensor& output, const GradientOptions& options,
                               const PoolVector<Mark>* marks);
  static void free_edges(Node& node);
  const Trace& checked_trace(const char* method) const;  // throws, for that method, if there is none
  // Throws, for op, because edge `edge` of node `node` returned a wrong `contribution`.
  [[noreturn]] void fail_contribution(const char* op, std::uint32_t node, const Edge& edge,
                                      const Tensor& contribution) const;
  // What to call the tape of this number, if `innermost` and those around it are this thread's.
  static const char* text_of_tape(std::uint64_t id, const Tape* innermost);
  // Throws, for op, because edge `edge` of node `node` leads to another tape.
  [[noreturn]] void fail_foreign(const char* op, std::uint32_t node, const Edge& edge,
                                 const Tape* innermost) const;
  // With check_finite: throws if the sum of what has come for node `node` so far is not finite.
  void check_total(const char* op, std::uint32_t node, const Tensor& total) const;
  // "sqrt (node 1, in encoder.layer.3)"
  std::string place_of(std::uint32_t node) const;

  // With check_finite: throws if `result`, which an op just made, is not finite.
  void check_result(const char* op, const Tensor& result, std::span<const Tensor* const> inputs);
  // check_contribution, and check_total if the contribution is added to `total`.
  [[gnu::noinline]] void check_edge(const char* op, std::uint32_t node, const Edge& edge,
                                    const Tensor& cotangent, const Tensor& contribution,
                                    const Tensor& total) const;
  // With check_finite: throws if what edge `edge` of node `node` returned for `cotangent`, in a walk of `op`,
  // is not finite.
  void check_contribution(const char* op, std::uint32_t node, const Edge& edge, const Tensor& cotangent,
                          const Tensor& contribution) const;

  static constinit thread_local Tape* recording_;
  static constinit thread_local const Walk* walk_;  // the innermost that runs on this thread, or null

  std::uint64_t id_;
  Tape* enclosing_;  // the tape that records again when this one ends
  bool check_finite_;
  bool adopts_ = false;                                // do results of other tapes count as leaves?
  std::unique_ptr<internal::TraceRecorder> recorder_;  // null unless values are kept
  std::vector<std::string> scopes_;                    // in which each node was recorded, if check_finite_
  PoolVector<Node> nodes_;
  PoolVector<Leaf> leaves_;  // in the order of their nodes
  LeafNodes leaf_nodes_;
  PoolVector<ForeignInput> foreign_inputs_;  // of the edges that lead to another tape
  internal::Arena arena_;
};

}  // namespace taper
