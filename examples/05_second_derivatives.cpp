// Second derivatives: a gradient is a result like any other, so that the tape can differentiate it again.
//
// A second derivative says how the slope changes. Newton's method goes to where the slope would be 0 if it
// went on changing like that.
#include <taper/taper.hpp>

#include <cstdio>
#include <vector>

using namespace taper;

// Rosenbrock's valley: steep sides, and an almost level floor that bends to the minimum, 0 at (1, 1).
Tensor valley(const Tensor& p) {
  const Tensor x = slice(p, 0, 0, 1), y = slice(p, 0, 1, 2);
  return sum(square(1 - x) + 100 * square(y - square(x)));
}

void derivatives_of_a_power() {
  Tensor x = tensor(2).requires_grad();
  Tape tape;
  Tensor y = x * x * x * x;
  std::printf("x^4, 4 x^3, 12 x^2, 24 x, 24 at x = 2: %g", y.item());
  for (int order = 1; order <= 4; ++order) {
    y = tape.gradient(y, {x}, {.create_graph = true})[0];  // create_graph: the walk is recorded, too
    std::printf(", %g", y.item());
  }
  std::puts("\n");
}

int main() {
  derivatives_of_a_power();

  const Tensor start = tensor({-1.2, 1}, float64);
  Tensor p = start;
  std::puts("Newton's method in Rosenbrock's valley\nstep        x        y     f(x, y)");
  for (int step = 0; step <= 5; ++step) {
    const std::vector<double> at = p.to_vector();
    std::printf("%4d  %7.4f  %7.4f  %10.3g\n", step, at[0], at[1], valley(p).item());
    // The gradient g (the Jacobian of a single number) and the Hessian h, row by row; Cramer's rule
    // solves h d = g.
    const std::vector<double> g = jacobian(valley, p).to_vector(), h = hessian(valley, p).to_vector();
    const double determinant = h[0] * h[3] - h[1] * h[2];
    const Tensor d = tensor({g[0] * h[3] - g[1] * h[1], g[1] * h[0] - g[0] * h[2]}, float64) / determinant;
    p = p - d;
  }

  p = start;
  for (int step = 0; step < 1000; ++step) p = p - 0.001 * jacobian(valley, p);  // knows nothing but the slope
  std::printf("gradient descent, after a thousand steps: f = %.3g\n", valley(p).item());
}
