// Sequential: the parts in their order.
#include "sequential.hpp"

#include "../core/fail.hpp"
#include "type_name.hpp"

namespace taper::nn {

// clang-format off
Sequential::Sequential(
    Part p0, Part p1, Part p2, Part p3, Part p4, Part p5, Part p6, Part p7,
    Part p8, Part p9, Part p10, Part p11, Part p12, Part p13, Part p14, Part p15,
    Part p16, Part p17, Part p18, Part p19, Part p20, Part p21, Part p22, Part p23,
    Part p24, Part p25, Part p26, Part p27, Part p28, Part p29, Part p30, Part p31) {
  for (Part* part : {&p0, &p1, &p2, &p3, &p4, &p5, &p6, &p7, &p8, &p9, &p10, &p11, &p12, &p13, &p14, &p15,
                     &p16, &p17, &p18, &p19, &p20, &p21, &p22, &p23, &p24, &p25, &p26, &p27,
                     &p28, &p29, &p30, &p31}) {
    if (part->is_given_) add(std::move(*part));
  }
}
// clang-format on

Sequential& Sequential::add(Part part) {
  if (!part.apply_) fail("Sequential", "part ", parts_.size(), " is a null function");
  parts_.push_back(std::move(part));
  return *this;
}

const std::function<Tensor(const Tensor&)>& Sequential::function(std::size_t i) const {
  if (i >= parts_.size()) fail("Sequential", "part ", i, " was asked for, of ", parts_.size());
  return parts_[i].apply_;
}

void Sequential::throw_type(std::size_t i, const std::type_info& wanted) const {
  fail("Sequential", "part ", i, " is a ", internal::type_name(parts_[i].apply_.target_type()),
       ", asked for as a ", internal::type_name(wanted));
}

Tensor Sequential::operator()(const Tensor& x) const {
  check_given("Sequential", "x", x);
  const Scope scope = Scope::outermost("Sequential");
  Tensor y = x;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const Scope part(i);
    y = parts_[i].apply_(y);
  }
  return y;
}

void Sequential::list(Parts& parts) const {
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const Part& part = parts_[i];
    if (part.as_module_) parts.add(std::to_string(i), *part.as_module_(part.apply_));
  }
}

}  // namespace taper::nn
