// Tests with a row of the registry, or a row like those, as their parameter.
#pragma once

#include "registry.hpp"
#include <taper/cuda/device.hpp>

#include <ostream>
#include <vector>

#include <gtest/gtest.h>

namespace taper::test {

// A row, and the device that its inputs lie on. A pointer, for ctest starts a process for each test, and copies of all
// rows took each of them 40 ms.
struct OpOnDevice {
  const OpRow* row;
  Device device;
};
// What GoogleTest prints for a parameter, which would otherwise be its bytes.
inline void PrintTo(const OpOnDevice& op, std::ostream* out) { *out << op.row->op << " on " << op.device; }

inline std::vector<OpOnDevice> on_device(const std::vector<OpRow>& rows, Device device) {
  std::vector<OpOnDevice> all;
  for (const OpRow& row : rows) all.push_back({&row, device});
  return all;
}

class TestOfOp : public testing::TestWithParam<OpOnDevice> {
 protected:
  void SetUp() override {
    if (!device.is_cpu() && !cuda::available()) GTEST_SKIP() << "no CUDA device";
  }

  const OpRow& row = *GetParam().row;
  const Device device = GetParam().device;
};

inline const auto name_of_op = [](const testing::TestParamInfo<OpOnDevice>& info) {
  return info.param.row->op;
};

}  // namespace taper::test
