// Tests for each dtype on each device; on a device that is not there they are skipped.
#pragma once

#include <taper/core/create.hpp>
#include <taper/cuda/device.hpp>
#include <taper/ops/elementwise/cast.hpp>

#include <gtest/gtest.h>

namespace taper::test {

struct Kinds : testing::TestWithParam<Kind> {
  void SetUp() override {
    if (!kind.device.is_cpu() && !cuda::available()) GTEST_SKIP() << "no CUDA device";
  }
  // The values as this kind, and as a leaf that asks for a gradient.
  Tensor on(const Tensor& values) const { return cast(values, kind.dtype).to(kind.device); }
  Tensor leaf(const Tensor& values) const { return on(values).clone().requires_grad(); }

  const Kind kind = GetParam();
};

inline const auto all_kinds = testing::Values(Kind(float32), Kind(float64), Kind(float32, Device::cuda()),
                                              Kind(float64, Device::cuda()));

}  // namespace taper::test
