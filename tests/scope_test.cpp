// Scope: what stands open, and that errors tell it.
#include <taper/taper.hpp>

#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "helpers.hpp"

namespace taper::test {
namespace {

TEST(Scope, JoinsTheOpenOnesWithDots) {
  EXPECT_EQ(Scope::path(), "");
  {
    const Scope encoder("encoder");
    EXPECT_EQ(Scope::path(), "encoder");
    {
      const Scope block("blocks", 2), part(std::size_t{0});
      EXPECT_EQ(Scope::path(), "encoder.blocks.2.0");
    }
    EXPECT_EQ(Scope::path(), "encoder");
  }
  EXPECT_EQ(Scope::path(), "");
}

TEST(Scope, OutermostStandsBackWhereAnotherIsOpen) {
  const Scope model = Scope::outermost("Mlp");
  EXPECT_EQ(Scope::path(), "Mlp");
  const Scope part("hidden");
  {
    const Scope layer = Scope::outermost("Linear");
    EXPECT_EQ(Scope::path(), "Mlp.hidden");
  }
  EXPECT_EQ(Scope::path(), "Mlp.hidden");
}

TEST(Scope, IsOfItsThread) {
  const Scope here("here");
  std::string there = "not asked";
  std::thread([&] { there = Scope::path(); }).join();
  EXPECT_EQ(there, "");
}

TEST(Scope, EndsEveryErrorAndIsClosedByIt) {
  try {
    const Scope encoder("encoder"), block(std::size_t{2});
    add(zeros({2}), zeros({3}));
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "[add] shapes do not broadcast: a is (2,), b is (3,) (in encoder.2)");
  }
  EXPECT_EQ(Scope::path(), "");
  expect_error("add", [] { add(zeros({2}), zeros({3})); }, {"b is (3,)"});
}

}  // namespace
}  // namespace taper::test
