// What the tests of the gradient checker share.
#pragma once

#include "support/helpers.hpp"
#include <taper/core/gradcheck/gradcheck.hpp>
#include <taper/core/record.hpp>

#include <gtest/gtest.h>

namespace taper::test {

// f with `product` in place of its own vector-Jacobian product.
template <class Product>
Function with_product(Function f, Product product) {
  return [=](const Tensor& x) {
    return record("planted", f(x.detach()), vjp(x, [=](const Tensor& dy) { return product(dy, x); }));
  };
}

// Fails the current test unless the verdict is this one and the printed report contains each of `says`.
inline void expect_verdict(const GradcheckReport& report, Verdict verdict,
                           const std::vector<std::string>& says = {}) {
  EXPECT_EQ(report.verdict, verdict) << report;
  EXPECT_EQ(report.ok(), verdict == Verdict::passed);
  for (const std::string& part : says) {
    EXPECT_NE(printed(report).find(part), std::string::npos) << "no \"" << part << "\" in: " << report;
  }
}

}  // namespace taper::test
