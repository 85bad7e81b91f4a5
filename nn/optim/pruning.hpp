// Pruning: small weights become 0 while a model trains, and stay so.
#pragma once

#include "../../core/io/state.hpp"
#include "../module.hpp"
#include "optimizer.hpp"

#include <map>
#include <string>
#include <vector>

namespace taper::nn {

// For each parameter of rank 2 or more, by its name, the magnitude below which `share` of its elements lie:
// of n elements, sorted by their absolute values, the one at the place round(share n), counted from 0, or the
// last one. Biases and gains, which have rank 1, are left out. Erase from the result whatever else is not to be
// pruned. Throws unless 0 <= share <= 1, and if one of them has a NaN.
std::map<std::string, double> magnitudes(const Module& model, double share = 0.9);

// clang-format off
// Magnitude pruning, with a mask for each parameter that is pruned. magnitudes() asks a dense model, which
// has been trained before, where pruning is to end:
//
//   const nn::PruningSchedule schedule(100, 250, 500, 10);
//   nn::Pruning pruning(model, adam, nn::magnitudes(dense, 0.9));
//   for (…) {
//     …
//     tape.backward(loss);
//     pruning.step(schedule(step));  // before gradients are clipped, and before the optimizer's step
//     adam.step();
//   }
//
// To prune in one step instead ("hard"), train the model first, and give Pruning its own magnitudes:
//
//   nn::Pruning pruning(model, adam, nn::magnitudes(model, 0.9));
//   for (…) {
//     …
//     pruning.step(step == 0 ? 1 : 0);
// clang-format on
//
// A mask loses elements and never gains one. How many weights are 0 in the end depends on the training, too:
// those that survive grow, so that a threshold that prunes 90 % of a dense model's weights may prune more of
// this one's.
//
// Source: Narang, Elsen, Diamos and Sengupta, arXiv 1704.05119, algorithm 1. The paper sets pruned weights to 0
// again after each step of the optimizer; here their gradients and moments are 0, so that they stay.
class Pruning {
 public:
  // Prunes those parameters of the model that `magnitudes` names: q, each one's unit of the threshold. The
  // optimizer is referred to, and must outlive this. Throws if no parameter of the model has such a name, if
  // it is none of the optimizer's, if nothing is named, and unless each q is finite and at least 0.
  Pruning(const Module& model, optim::Optimizer& optimizer, std::map<std::string, double> magnitudes);

  // For each parameter p with the threshold e = level q,
  //   mask <- 0 where |p| < e,   p, its gradient and the optimizer's moments <- 0 where the mask is 0.
  // A NaN is never pruned. With no gradient and no moment, the step of every optimizer of this library leaves
  // p at 0, with weight decay too. Throws unless level is finite and at least 0.
  void step(double level);

  // The share of pruned elements among those of all parameters with a mask; 0 if they have none.
  double zeros() const;

  // Copies of the masks, 0 and 1, by the names of their parameters, and as the text "magnitude." + name
  // each q.
  State state() const;
  // Continues from where state() was called: takes over masks and q. Throws if a mask or a q is missing, does
  // not fit or is too many; then nothing has changed.
  void load_state(const State& state);

 private:
  struct Pruned {
    std::string name;
    Tensor parameter;
    double magnitude;
    Tensor mask;  // of the parameter's shape
  };

  optim::Optimizer* optimizer_;
  std::vector<Pruned> pruned_;
};

}  // namespace taper::nn
