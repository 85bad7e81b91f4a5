// The picture of 03: well-formed, and drawn where it should be.
#include "decision_map.hpp"

#include "support/xml.hpp"
#include <taper/core/create.hpp>

#include <gtest/gtest.h>

namespace example {
namespace {

using taper::test::contains;
using taper::test::count;
using taper::test::flaw;

TEST(DecisionMap, ItsGridGoesFromTheUpperLeftToTheLowerRight) {
  EXPECT_EQ(square_grid(3, 2).to_vector(),
            (std::vector<double>{-2, 2, 0, 2, 2, 2, -2, 0, 0, 0, 2, 0, -2, -2, 0, -2, 2, -2}));
}

// The panel spans 20 to 500 across and 62 to 542 down.
TEST(DecisionMap, PutsBoundaryAndPointsWhereTheyBelong) {
  DecisionMap map{"a < b",
                  2,
                  taper::tensor({0, 0.25, 1, 0, 0.25, 1, 0, 0.25, 1}),
                  taper::tensor({{-2, 2}, {1, -1}}),
                  {0, 1}};
  const std::string drawn = svg(map);
  EXPECT_EQ(flaw(drawn), "");
  EXPECT_TRUE(contains(drawn, "aria-label=\"a &lt; b\""));
  // From 0.25 at 260 to 1 at 500, so that 0.5 lies a third of the way.
  EXPECT_TRUE(contains(drawn, "class=\"boundary\" d=\"M340 62L340 302M340 302L340 542\"")) << drawn;
  EXPECT_TRUE(contains(drawn, "M16.5 62a3.5")) << drawn;          // the round mark around (20, 62)
  EXPECT_TRUE(contains(drawn, "M376.5 418.5h7v7h-7z")) << drawn;  // the square one around (380, 422)
  map.probabilities = taper::zeros({9});
  EXPECT_EQ(count(svg(map), "class=\"boundary\""), 1u);  // that of the legend
}

}  // namespace
}  // namespace example
