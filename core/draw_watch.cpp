// DrawWatch: the first draw of each generator.
#include "draw_watch.hpp"

#include <algorithm>

namespace taper::internal {

constinit thread_local DrawWatch* draw_watch = nullptr;

void note_draw(Generator& generator) { draw_watch->draw(generator); }
void note_end(const Generator& generator) noexcept { draw_watch->end(generator); }

DrawWatch::~DrawWatch() {
  draw_watch = outer_;
  if (!noted_) return;
  for (std::size_t i = 0; i < seen_.size(); ++i) {
    if (seen_[i]) *seen_[i] = states[i];
  }
}

void DrawWatch::draw(Generator& generator) {
  if (outer_) outer_->draw(generator);  // first: it may change the state, which is noted then
  if (std::find(seen_.begin(), seen_.end(), &generator) != seen_.end()) return;
  const std::size_t number = seen_.size();
  seen_.push_back(&generator);
  states.push_back(generator);
  if (noted_ && number < noted_->size()) generator = (*noted_)[number];
}

void DrawWatch::end(const Generator& generator) noexcept {
  if (outer_) outer_->end(generator);
  std::replace(seen_.begin(), seen_.end(), const_cast<Generator*>(&generator),
               static_cast<Generator*>(nullptr));
}

}  // namespace taper::internal
