// checkpoint: the function runs on a tape of its own, which is thrown away but for the list of what it used.
#include "recomputation.hpp"

#include "draw_watch.hpp"
#include "record.hpp"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace taper {
namespace {

constinit thread_local bool recomputing = false;

}  // namespace

bool is_recomputing() { return recomputing; }

// A function that was called, and what it takes to call it again.
class internal::Segment {
 public:
  using Function = std::function<Tensor(const Tensor&)>;

  static Tensor recorded(const Function& f, const Tensor& x, Tape& outer) {
    auto segment = std::make_shared<Segment>(f, x, outer.check_finite_);
    Tensor y;
    {
      // This tape takes results of other tapes for leaves, so that its leaves are all that f uses.
      Tape tape({.check_finite = outer.check_finite_});
      tape.adopts_ = true;
      DrawWatch watch;
      y = f(x);
      check_given("checkpoint", "f's result", y);
      if (y.impl().tape != tape.id_) return y;  // a constant, or what f was given
      for (const Tape::Leaf& leaf : tape.leaves_) segment->inputs_.push_back(leaf.tensor);
      segment->draws_ = std::move(watch.states);
    }
    const auto product = [&](std::size_t i) {
      return vjp(segment->inputs_[i], [segment, i](const Tensor& dy) { return segment->gradient(i, dy); });
    };
    PoolVector<decltype(product(0))> products;
    for (std::size_t i = 0; i < segment->inputs_.size(); ++i) products.push_back(product(i));
    return record("checkpoint", std::move(y), std::move(products));
  }

  Segment(const Function& f, const Tensor& x, bool check_finite)
      : f_(f), x_(x), check_finite_(check_finite) {}

 private:
  // A walk asks for the gradients of all inputs, or some, one by one with the same dy: the first call computes
  // them, and each is given away once.
  Tensor gradient(std::size_t i, const Tensor& dy) {
    const bool is_known = dy_ && &dy_.impl() == &dy.impl() && tape_ == Tape::recording() && gradients_[i];
    if (!is_known) compute(dy);
    Tensor result = std::move(gradients_[i]);
    if (--left_ == 0) dy_ = Tensor();
    return result;
  }

  // If a tape records, the gradient is to be differentiated again: then f's ops go onto that tape.
  void compute(const Tensor& dy) {
    tape_ = Tape::recording();
    std::optional<Tape> own;
    if (!tape_) {
      own.emplace(TapeOptions{.check_finite = check_finite_});
      own->adopts_ = true;
    }
    Tape& tape = own ? *own : *tape_;
    gradients_ = tape.gradient("backward", again(), inputs_, {.create_graph = !own, .cotangent = dy},
                               /*stops_at_inputs=*/true);
    dy_ = dy, left_ = inputs_.size();
  }

  Tensor again() const {
    struct Flag {
      bool before = std::exchange(recomputing, true);
      ~Flag() { recomputing = before; }
    } flag;
    const DrawWatch watch(draws_);
    return f_(x_);
  }

  Function f_;
  Tensor x_;
  bool check_finite_;
  std::vector<Tensor> inputs_;    // what f used that needs a gradient: x, parameters, captured results
  std::vector<Generator> draws_;  // before f's draws

  Tensor dy_;                      // that of gradients_; empty if there are none
  Tape* tape_ = nullptr;           // which records them
  std::vector<Tensor> gradients_;  // empty handles once they are given away
  std::size_t left_ = 0;
};

Tensor checkpoint(const std::function<Tensor(const Tensor&)>& f, const Tensor& x) {
  check_given("checkpoint", "x", x);
  Tape* const tape = Tape::recording();
  return tape ? internal::Segment::recorded(f, x, *tape) : f(x);
}

}  // namespace taper
