// Tests that need a CUDA device: without one they are skipped, and say so.
#pragma once

#include <taper/cuda/device.hpp>

#include <gtest/gtest.h>

namespace taper::test {

class OnCuda : public testing::Test {
 protected:
  void SetUp() override {
    if (!cuda::available()) GTEST_SKIP() << "no CUDA device";
  }
};

}  // namespace taper::test
