// An operation of your own: its value, and the vector-Jacobian product (vjp) that the backward pass calls.
//
// For y = f(x), element by element, the chain rule turns dy, the gradient by y, into dx = dy f'(x). The tape
// can't know f', so record() is told. gradcheck finds out if it was told the truth: it compares dx with
// differences (f(x + h) - f(x - h)) / 2h.
#include <taper/taper.hpp>

#include <cmath>
#include <iostream>
#include <vector>

using namespace taper;

// y_i = f(x_i). Any loop will do: the tape knows only what record() is told.
template <class F>
Tensor each(const Tensor& x, F f) {
  std::vector<double> y = x.to_vector();
  for (double& value : y) value = f(value);
  return tensor(y, x.shape(), x.kind());
}

Tensor sine(const Tensor& x);

Tensor cosine(const Tensor& x) {
  const Tensor y = each(x, [](double v) { return std::cos(v); });
  return record("cosine", y, vjp(x, [x](const Tensor& dy) { return -dy * sine(x); }));
}

Tensor sine(const Tensor& x) {
  const Tensor y = each(x, [](double v) { return std::sin(v); });
  return record("sine", y, vjp(x, [x](const Tensor& dy) { return dy * cosine(x); }));
}

// The same value, but a minus sign is missing in the derivative.
Tensor wrong_cosine(const Tensor& x) {
  const Tensor y = each(x, [](double v) { return std::cos(v); });
  return record("wrong_cosine", y, vjp(x, [x](const Tensor& dy) { return dy * sine(x); }));
}

int main() {
  const Tensor x = tensor({0.5, 1, 2, 4}, float64);
  std::cout << "wrong_cosine: " << gradcheck(wrong_cosine, x) << "\n\n";
  std::cout << "cosine: " << gradcheck(cosine, x) << "\n\n";

  // Both vjps consist of recorded operations, so that they can be differentiated in turn.
  std::cout << "sine, first derivative: " << gradcheck(sine, x) << '\n';
  std::cout << "sine, second derivative: " << gradgradcheck(sine, x) << '\n';
}
