// Chapter 11: what goes wrong. docs/walkthrough/11_what_goes_wrong.md is its text.
#include "chapter.hpp"

using namespace taper;

namespace {

void program(walkthrough::Run& run) {
  // An op of one's own: tanh, whose slope is 1 - y^2. What is said here is right if the factor is 1.
  const auto my_tanh = [factor = run["factor"]](const Tensor& v) {
    const Tensor y = tanh(v.detach());
    const auto rule = [=](const Tensor& dy) { return dy * (1 - factor * square(y)); };
    return record("my_tanh", y, vjp(v, rule));
  };
  const auto f = [&](const Tensor& v) {
    const Tensor folded = abs(v), root = sqrt(square(v)), bent = my_tanh(v);
    return folded + root + bent;
  };
  Tensor x = tensor(run["x"], float64).requires_grad();

  Tape tape({.keep_values = true});
  tape.backward(f(x));

  try {
    Tape strict({.check_finite = true});
    run.print("dy/dx = ", strict.gradient(f(x), {x})[0].item(), '\n');
  } catch (const Error& error) {
    run.print(error.what(), '\n');
  }
  const GradcheckReport report = gradcheck(my_tanh, x);
  const GradcheckReport::Element& slope = report.elements.at(0);
  run.print("gradcheck of my_tanh: ", report.verdict);
  run.print("tape ", slope.analytic, ", differences ", slope.numeric, '\n');
  StepCurve curve = step_curve(my_tanh, x, {});
  curve.title = "my_tanh";
  run.print("difference - tape:");
  for (std::size_t i = 4; i <= 36; i += 4) {
    const StepCurve::Point& point = curve.points[i];
    run.print("step ", point.step, ": ", point.central - curve.analytic);
  }
  run.show(tape, {curve});
}

const walkthrough::Chapter chapter("11_what_goes_wrong", "What goes wrong",
                                   {{"x", -1, 1, 0.8}, {"factor", 0, 2, 1.5}}, program);

}  // namespace
