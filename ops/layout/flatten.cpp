// flatten: dx = dy under x's shape.
#include "flatten.hpp"

#include "../../core/fail.hpp"
#include "reshape.hpp"

#include <algorithm>

namespace taper {

Tensor flatten(const Tensor& x, int first_axis, int last_axis) {
  const Shape from = check_given("flatten", "x", x).rank() == 0 ? Shape{1} : x.shape();
  const int first = checked_axis("flatten", "first_axis", first_axis, from);
  const int last = checked_axis("flatten", "last_axis", last_axis, from);
  if (last < first) {
    fail("flatten", "last_axis lies before first_axis: got first_axis ", first_axis, ", last_axis ",
         last_axis, " for shape ", x.shape());
  }
  Shape to(from.data(), from.size() - (last - first));
  to[first] = element_count("flatten", Shape(from.data() + first, last - first + 1));
  std::copy(from.begin() + last + 1, from.end(), to.begin() + first + 1);
  return reshape(x, to);
}

}  // namespace taper
