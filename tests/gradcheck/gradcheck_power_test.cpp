// The power of the gradient checker: mistakes of every kind, planted into right functions. Each has to be
// found and named, and the same function without it has to pass.
#include "gradcheck/gradcheck_planted.hpp"
#include <taper/taper.hpp>

#include <cmath>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

const std::vector<Planted>& mistakes() {
  static const std::vector<Planted> all = [] {
    std::vector<Planted> list;
    for (const auto& family :
         {wrong_numbers(), wrong_places(), wrong_orders(), wrong_layers(), wrong_at_kinks(),
          wrong_in_second_order(), wrong_somewhere_large(), wrong_beyond_numbers()})
      list.insert(list.end(), family.begin(), family.end());
    return list;
  }();
  return all;
}

class Power : public testing::TestWithParam<Planted> {};
INSTANTIATE_TEST_SUITE_P(Planted, Power, testing::ValuesIn(mistakes()), [](const auto& info) {
  std::string name;
  for (const char c : info.param.name) name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return std::to_string(info.index) + "_" + name;
});

TEST_P(Power, IsFoundAndNamed) {
  const Planted& planted = GetParam();
  std::string text;
  try {
    const GradcheckReport report = planted.check(true);
    EXPECT_EQ(report.verdict, planted.verdict) << report;
    text = printed(report);
  } catch (const Error& error) {  // a product of a wrong shape
    text = error.what();
  }
  for (const std::string& part : planted.says) {
    EXPECT_NE(text.find(part), std::string::npos) << "no \"" << part << "\" in: " << text;
  }
}

TEST_P(Power, TheSameWithoutItPasses) {
  const GradcheckReport report = GetParam().check(false);
  EXPECT_EQ(report.verdict, GetParam().verdict_without) << report;
}

TEST(PowerTest, HasManyMistakes) { EXPECT_GE(mistakes().size(), 60u); }

}  // namespace
}  // namespace taper::test
