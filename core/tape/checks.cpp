// What the tape says when one of its checks fails. As long as all is well nothing here runs, except
// check_unchanged if an array was changed after a node was recorded.
#include "../fail.hpp"
#include "../text.hpp"
#include "walk_state.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace taper {
namespace {

using internal::text;

// ": summed over axes 0 and 2 it would have that shape", or nothing if no sum leads from shape
// `got` to `wanted`.
std::string advice(const Shape& got, const Shape& wanted) {
  if (got == wanted || !broadcasts_to(wanted, got)) return "";
  const int added = got.size() - wanted.size();
  std::vector<int> axes;
  for (int axis = 0; axis < got.size(); ++axis) {
    if (axis < added || wanted[axis - added] != got[axis]) axes.push_back(axis);
  }
  std::string list = axes.size() == 1 ? "axis " : "axes ";
  for (std::size_t i = 0; i < axes.size(); ++i) {
    list += text(i == 0 ? "" : i + 1 < axes.size() ? ", " : " and ", axes[i]);
  }
  return ": summed over " + list + " it would have that shape";
}

}  // namespace

void Tape::fail_contribution(const char* op, std::uint32_t node, const Edge& edge,
                             const Tensor& contribution) const {
  const Node& input = nodes_[edge.input];
  const Shape wanted(input.extents, input.rank);
  const std::string got = contribution ? text(contribution.kind(), ' ', contribution.shape(),
                                              advice(contribution.shape(), wanted))
                                       : "an empty handle";
  fail(op, "the vector-Jacobian product of ", nodes_[node].op, " (node ", node, ") with respect to argument ",
       edge.argument, " must be ", input.kind, " ", wanted, ", got ", got);
}

const char* Tape::text_of_tape(std::uint64_t id, const Tape* innermost) {
  for (const Tape* tape = innermost; tape; tape = tape->enclosing_) {
    if (tape->id_ == id) return "another tape";
  }
  return "a tape that is gone (or on another thread's)";
}

void Tape::fail_foreign(const char* op, std::uint32_t node, const Edge& edge, const Tape* innermost) const {
  const auto input = std::find_if(foreign_inputs_.begin(), foreign_inputs_.end(),
                                  [&](const ForeignInput& foreign) { return foreign.edge == &edge; });
  const char* const where = text_of_tape(input->tape, innermost);
  if (nodes_[node].op == std::string_view("sum_of_cotangents")) {
    fail(op, "reached a gradient that was recorded on ", where,
         " and to which this tape added: call zero_grad() before a backward with create_graph");
  }
  fail(op, "reached an input of ", nodes_[node].op, " that was recorded on ", where,
       ": call detach() on it to use its value as a constant");
}

void internal::check_unchanged(TensorImpl& impl) {
  const Tape::Walk& walk = *Tape::walk_;
  TensorImpl& owner = impl.owner_of_elements();
  const std::uint64_t changed = owner.changed.load(std::memory_order_relaxed);
  if (changed > walk.start || changed + changes_since_recording <= walk.start) return;
  // Reading the cotangent is no mistake: the walk itself hands it over, and a vector-Jacobian product that
  // kept it was recorded later than this one.
  if (&owner == &walk.cotangent->impl().owner_of_elements()) return;

  const Tape& tape = walk.tape;
  std::string read = "a tensor";
  for (const TensorImpl* known : {&impl, &owner}) {
    const char* const view = known == &impl ? "" : "a view of ";
    if (known->tape == tape.id_) {
      read = text(view, "the result of ", tape.nodes_[known->node].op, " (node ", known->node, ")");
    } else if (known->wants_grad || tape.leaf_nodes_.contains(known)) {
      read = text(view, "a leaf");
    } else {
      continue;
    }
    break;
  }
  fail(walk.op, "the vector-Jacobian product of ", tape.nodes_[walk.node].op, " (node ", walk.node,
       ") reads ", read, " of shape ", impl.shape,
       " that was changed after it was recorded: clone() it first, or change it after the last backward");
}

}  // namespace taper
