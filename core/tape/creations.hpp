// Which tensors are made while a tape with keep_values lives, and which of them are still there: that is how the
// tape knows what it finds in a closure.
#pragma once

#include "../tensor.hpp"

#include <cstddef>

namespace taper::internal {

class TraceRecorder;

// Those of this thread's tapes, as a list. Usually there is none, so that making a tensor costs one comparison
// more, and its end another.
extern constinit thread_local TraceRecorder* recorders;

// Hands `object` to the recording tape, if that keeps values: a tensor, or something else that an op keeps for
// its vector-Jacobian products, called `what`. forget() takes a tensor back from all of them.
void announce(const TensorImpl& object);
void announce(const void* object, const char* what, std::size_t bytes);
void forget(const TensorImpl& object);

inline void note_creation(const TensorImpl& object) {
  if (recorders) [[unlikely]]
    announce(object);
}
inline void note_end(const TensorImpl& object) {
  if (recorders) [[unlikely]]
    forget(object);
}
inline void note_creation(const void* object, const char* what, std::size_t bytes) {
  if (recorders) [[unlikely]]
    announce(object, what, bytes);
}

}  // namespace taper::internal
