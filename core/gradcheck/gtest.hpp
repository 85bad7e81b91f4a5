// Gradient checks as assertions of GoogleTest. For test programs: the library itself does not use GoogleTest.
//
//   TEST(MyOp, Gradients) {
//     EXPECT_GRADIENTS(my_op, randn({4, 6}, float64));
//     EXPECT_SECOND_GRADIENTS(my_op, randn({4, 6}, float64));
//   }
#pragma once

#include "gradcheck.hpp"

#include <gtest/gtest.h>

namespace taper {

// Success if the check passed; else a failure whose message is the printed report. An undecided check
// is no success.
inline testing::AssertionResult gradients_agree(const GradcheckReport& report) {
  return (report.ok() ? testing::AssertionSuccess() : testing::AssertionFailure()) << report;
}

}  // namespace taper

// Takes what gradcheck takes: a function, its inputs, options.
#define EXPECT_GRADIENTS(...) EXPECT_TRUE(::taper::gradients_agree(::taper::gradcheck(__VA_ARGS__)))
// Takes what gradgradcheck takes.
#define EXPECT_SECOND_GRADIENTS(...) \
  EXPECT_TRUE(::taper::gradients_agree(::taper::gradgradcheck(__VA_ARGS__)))
