// A line through noisy points, by gradient descent: what every training loop does, in its smallest form.
//
// The loss says how badly the line fits. Its gradient says in which direction slope and intercept make that
// worse, so each step goes a little way in the opposite direction.
#include <taper/taper.hpp>

#include <cstdio>

using namespace taper;

int main() {
  Generator generator(/*seed=*/2);
  const Tensor x = uniform({40}, -1, 1, generator);
  const Tensor y = 2 * x - 1 + 0.3 * randn({40}, generator);

  Tensor slope = tensor(0).requires_grad(), intercept = tensor(0).requires_grad();
  const double learning_rate = 0.2;

  std::puts("step    loss   slope  intercept  d loss/d slope  d loss/d intercept");
  for (int step = 0; step <= 60; ++step) {
    Tensor loss;
    {
      Tape tape;  // records until this brace closes: the update below is no part of the loss
      loss = mean(square(slope * x + intercept - y));
      tape.backward(loss);
    }
    const Tensor d_slope = slope.grad(), d_intercept = intercept.grad();
    if (step % 10 == 0) {
      std::printf("%4d  %6.4f  %6.3f  %9.3f  %14.4f  %18.4f\n", step, loss.item(), slope.item(),
                  intercept.item(), d_slope.item(), d_intercept.item());
    }
    slope = (slope - learning_rate * d_slope).requires_grad();
    intercept = (intercept - learning_rate * d_intercept).requires_grad();
  }

  // For a line there is a formula, too: least squares, the line at which the gradient is 0.
  const Tensor dx = x - mean(x), dy = y - mean(y);
  const Tensor best = sum(dx * dy) / sum(square(dx));
  std::printf("by formula:   %6.3f  %9.3f\n", best.item(), (mean(y) - best * mean(x)).item());
  std::puts("the points were drawn around y = 2 x - 1, with noise of deviation 0.3");
}
