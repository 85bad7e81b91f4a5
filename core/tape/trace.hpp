// Trace: what a tape with TapeOptions::keep_values has seen, for people and programs that want to look at it.
#pragma once

#include "../tensor.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace taper {

// The nodes in the order in which they were recorded, and the walks in the order in which they began. Every
// tensor is a copy that was made when the tape saw it, on the CPU, of the dtype that it had: what a program
// overwrites later is still there as it was.
struct Trace {
  static constexpr std::uint32_t no_node = 0xffffffff;

  // An argument of an op: a value of this tape, a constant, or, if it has neither node nor value, the result
  // of another tape.
  struct Input {
    std::uint32_t node = no_node;
    Tensor value;  // of a constant
  };
  // What a closure keeps alive.
  struct Held {
    std::string what;  // "result", "argument 0", "tensor", or what the op calls it
    Shape shape;
    std::size_t bytes;
    std::vector<std::pair<std::string, Tensor>> contents = {};  // by name, of what is no tensor
  };
  // A vector-Jacobian product.
  struct Edge {
    std::uint32_t argument;
    std::uint32_t node;  // where the argument came from; no_node: from another tape
    std::size_t bytes;   // of the closure itself
    std::vector<Held> holds;
  };
  struct Node {
    std::string op;  // "" for a leaf
    std::string scope;
    Device device;
    Tensor value;
    std::vector<Input> inputs;  // all arguments, also those without an edge
    std::vector<Edge> edges;    // in the order in which a walk calls them
    double seconds;             // from the end of what the tape saw before to the end of this op
    // Memory of the pool in use afterwards, beyond what was in use when the tape began: of this thread's
    // pool, and for a node on another device of that device's. What the trace itself takes does not count.
    std::int64_t bytes;
  };

  // What an edge returned in a walk.
  struct Contribution {
    std::uint32_t argument;
    std::uint32_t node;
    Tensor value;
    Tensor total;  // the cotangent of `node` after this was added; empty if the walk failed here
  };
  struct Visit {
    std::uint32_t node;
    Tensor cotangent;
    std::vector<Contribution> contributions;
    double seconds;
    std::int64_t bytes;  // as in Node
    std::size_t nodes;   // on the tape afterwards: with create_graph a visit appends some
    bool freed;          // the closures are gone
  };
  struct Gradient {
    std::uint32_t node;
    Tensor value;
  };
  struct Walk {
    std::string call;    // "backward" or "gradient"
    std::uint32_t node;  // the loss
    Tensor cotangent;    // what the walk starts with
    bool keep_graph, create_graph;
    std::size_t first_node;  // how many nodes there were when the walk began
    std::vector<Visit> visits;
    std::vector<Gradient> gradients;  // backward: each leaf's grad() after it; gradient: each input's
    bool failed;                      // it threw
  };

  std::vector<Node> nodes;
  std::vector<Walk> walks;
};

}  // namespace taper
