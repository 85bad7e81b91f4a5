// Which tensors are made while a tape with keep_values records: that is how the tape knows what it finds in a
// closure.
#pragma once

#include "../tensor.hpp"

#include <cstddef>

namespace taper::internal {

// How many such tapes live on this thread. Usually none, so that making a tensor costs one comparison more.
extern constinit thread_local int creation_watchers;

// Hands `object` to the recording tape, if that keeps values: an array of a tensor, or something else that an
// op keeps for its vector-Jacobian products, called `what`.
void announce(const TensorImpl& object);
void announce(const void* object, const char* what, std::size_t bytes);

inline void note_creation(const TensorImpl& object) {
  if (creation_watchers != 0) [[unlikely]]
    announce(object);
}
inline void note_creation(const void* object, const char* what, std::size_t bytes) {
  if (creation_watchers != 0) [[unlikely]]
    announce(object, what, bytes);
}

}  // namespace taper::internal
