// GradientLock: guards grad() of all tensors, so that threads that share a parameter may each run backward.
#pragma once

namespace taper::internal {

// Whoever reads or replaces the handle TensorImpl::grad has one. fork() waits until it is free, and the child
// finds it free.
class GradientLock {
 public:
  GradientLock();
  ~GradientLock();
  GradientLock(const GradientLock&) = delete;
  GradientLock& operator=(const GradientLock&) = delete;
};

}  // namespace taper::internal
