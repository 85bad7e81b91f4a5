// A gradient: how fast a result changes with each of the numbers that it was computed from.
//
// The forward pass computes the result, and a tape notes each operation on the way. The backward pass walks
// that tape from its end and applies the chain rule to each operation, until it arrives at the inputs.
#include <taper/taper.hpp>

#include <iostream>

using namespace taper;

Tensor f(const Tensor& x, const Tensor& y) { return x * x * y + y; }

int main() {
  Tensor x = tensor(3, float64).requires_grad();  // an input whose gradient is wanted
  Tensor y = tensor(2, float64).requires_grad();

  Tape tape;           // records what follows
  Tensor z = f(x, y);  // forward
  tape.backward(z);    // backward: x.grad() and y.grad() are there now

  std::cout << "z = x^2 y + y at x = 3, y = 2 is " << z.item() << "; the tape holds " << tape.node_count()
            << " nodes: x, y, and one for each * and +\n"
            << "  by the tape   dz/dx = " << x.grad().item() << "  dz/dy = " << y.grad().item() << '\n'
            << "  on paper      2 x y = " << 2 * 3 * 2 << "  x^2 + 1 = " << 3 * 3 + 1 << '\n';

  // What the number means: a small step in x changes z by dz/dx times that step, or nearly so.
  const double step = 0.001;
  std::cout << "  by a step     (f(x + " << step << ", y) - f(x, y)) / " << step << " = "
            << (f(x + step, y) - f(x, y)).item() / step << "\n\n";

  // One walk gives the derivatives by all elements of all inputs, however many there are. Here they say in
  // which direction a vector has to move for its length to grow fastest: its own.
  Tensor v = tensor({3, 4}).requires_grad();
  Tensor length = sqrt(sum(square(v)));
  tape.backward(length);
  std::cout << "the length of " << v << " is " << length.item() << ", and its gradient is " << v.grad()
            << '\n';
}
