// One mutex for all tensors: it is held for the length of an addition, and a mutex in each would make every scalar
// larger.
#include "gradient_lock.hpp"

#include <mutex>

#include <pthread.h>

namespace taper::internal {
namespace {

constinit std::mutex mutex;
const int handlers_of_fork =
    pthread_atfork([] { mutex.lock(); }, [] { mutex.unlock(); }, [] { mutex.unlock(); });

}  // namespace

GradientLock::GradientLock() { mutex.lock(); }
GradientLock::~GradientLock() { mutex.unlock(); }

}  // namespace taper::internal
