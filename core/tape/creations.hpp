// Which tensors are made while a tape with keep_values lives, and which of them are still there: that is how the
// tape knows what it finds in a closure.
#pragma once

#include "../tensor.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace taper::internal {

class TraceRecorder;

// Those of this thread's tapes, as a list. Usually there is none, so that making a tensor costs one comparison
// more, and its end another.
extern constinit thread_local TraceRecorder* recorders;

// What an object consists of, by name, on the CPU.
using Contents = std::vector<std::pair<std::string, Tensor>>;

// Hands `object` to the recording tape, if that keeps values: a tensor, or something else that an op keeps for
// its vector-Jacobian products, called `what`, which stands for a tensor of this shape. forget() takes a tensor
// back from all of them.
void announce(const TensorImpl& object);
void announce(const void* object, const char* what, const Shape& shape, std::size_t bytes,
              const std::function<Contents()>& contents);
void forget(const TensorImpl& object);

inline void note_creation(const TensorImpl& object) {
  if (recorders) [[unlikely]]
    announce(object);
}
inline void note_end(const TensorImpl& object) {
  if (recorders) [[unlikely]]
    forget(object);
}
template <class MakeContents>
void note_creation(const void* object, const char* what, const Shape& shape, std::size_t bytes,
                   const MakeContents& contents) {
  if (recorders) [[unlikely]]
    announce(object, what, shape, bytes, contents);
}

}  // namespace taper::internal
