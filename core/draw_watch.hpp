// DrawWatch: what a function draws at random, so that it can be called again and draw the same.
#pragma once

#include "random.hpp"

#include <vector>

namespace taper::internal {

// Watches the generators that this thread draws from, as long as it lives. Watches nest: each sees the draws of
// those inside it. Generators are told apart by the order of their first draws, not kept by their addresses: one
// that the function makes for itself has another address next time.
class DrawWatch {
 public:
  // Notes the state of each generator before its first draw.
  DrawWatch() : DrawWatch(nullptr) {}
  // Puts each generator into the noted state before its first draw, and in the end back into its own.
  explicit DrawWatch(const std::vector<Generator>& noted) : DrawWatch(&noted) {}
  ~DrawWatch();
  DrawWatch(const DrawWatch&) = delete;
  DrawWatch& operator=(const DrawWatch&) = delete;

  // Of each generator, before its first draw, in the order of those draws.
  std::vector<Generator> states;

  void draw(Generator& generator);
  void end(const Generator& generator) noexcept;

 private:
  explicit DrawWatch(const std::vector<Generator>* noted) : noted_(noted), outer_(draw_watch) {
    draw_watch = this;
  }

  const std::vector<Generator>* noted_;  // null if there is nothing to put back
  DrawWatch* outer_;
  std::vector<Generator*> seen_;  // null once it is gone
};

}  // namespace taper::internal
