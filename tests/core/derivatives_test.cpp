// jacobian, hessian and hessian_vector_product, against closed forms and against each other.
#include "support/helpers.hpp"
#include "support/on_cuda.hpp"
#include <taper/taper.hpp>

#include <cmath>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

// The identity matrix, and a matrix with v on its diagonal.
Tensor identity(std::int64_t n) {
  Tensor result = zeros({n, n}, float64);
  for (std::int64_t i = 0; i < n; ++i) result.mutable_data<double>()[i * (n + 1)] = 1;
  return result;
}
Tensor diagonal(const Tensor& v) { return identity(v.size()) * v; }

Tensor outer(const Tensor& a, const Tensor& b) { return reshape(a, {a.size(), 1}) * b; }

// x^T A x.
auto form(const Tensor& a) {
  return [a](const Tensor& x) { return sum(x * matmul(a, x)); };
}

TEST(Jacobian, OfALinearMapIsItsMatrix) {
  const Tensor a = randn({3, 5}, float64);
  expect_close(jacobian([&](const Tensor& x) { return matmul(a, x); }, randn({5}, float64)), a, 0);
}

TEST(Jacobian, OfAQuadraticFormIsARow) {
  const Tensor a = randn({4, 4}, float64), x = randn({4}, float64);
  const Tensor found = jacobian(form(a), x);
  EXPECT_EQ(found.shape(), Shape({4}));
  expect_close(found, matmul(a + transpose(a, 0, 1), x));
}

TEST(Jacobian, OfSoftmax) {
  const Tensor x = randn({6}, float64), p = softmax(x);
  expect_close(jacobian([](const Tensor& z) { return softmax(z); }, x), diagonal(p) - outer(p, p));
}

// J(i, j, k, l) = dy_ij / dx_kl = a_ik [j = l] for Y = A X.
TEST(Jacobian, HasTheAxesOfTheResultThenThoseOfTheArgument) {
  const Tensor a = randn({2, 3}, float64);
  const Tensor found = jacobian([&](const Tensor& x) { return mm(a, x); }, randn({3, 4}, float64));
  ASSERT_EQ(found.shape(), Shape({2, 4, 3, 4}));
  expect_close(found, reshape(a, {2, 1, 3, 1}) * reshape(identity(4), {1, 4, 1, 4}), 0);
}

TEST(Jacobian, OfTheIdentityItself) {
  expect_close(jacobian([](const Tensor& x) { return x; }, row({3, 4, 5})), identity(3), 0);
}

TEST(Jacobian, IsOfTheArgumentsDtype) {
  const Tensor x = tensor({0.5, 2});
  const Tensor found = jacobian([](const Tensor& z) { return square(z.to(float64)); }, x);
  EXPECT_EQ(found.dtype(), float32);
  expect_values(found.to(float64), {1, 0, 0, 4}, 0);
}

// J v is the derivative of v -> f(x + t v) at t = 0.
TEST(Jacobian, TimesAVectorIsTheDirectionalDerivative) {
  const auto f = [](const Tensor& x) { return tanh(concat({x * exp(x), mean(x, {0}, true)}, 0)); };
  const Tensor x = randn({5}, float64), v = randn({5}, float64);
  const double h = 1e-5;
  expect_close(matmul(jacobian(f, x), v), (f(x + h * v) - f(x - h * v)) / (2 * h), 1e-8);
}

TEST(Hessian, OfAQuadraticForm) {
  const Tensor a = randn({5, 5}, float64);
  expect_close(hessian(form(a), randn({5}, float64)), a + transpose(a, 0, 1));
}

TEST(Hessian, OfACubeIsSixX) {
  const Tensor x = randn({4}, float64);
  expect_close(hessian([](const Tensor& z) { return sum(z * z * z); }, x), diagonal(6.0 * x));
  expect_close(hessian([](const Tensor& z) { return z * z * z; }, tensor(2, float64)), tensor(12, float64));
}

TEST(Hessian, HasTheArgumentsAxesTwice) {
  const Tensor x = randn({2, 3}, float64);
  const Tensor found = hessian([](const Tensor& z) { return reshape(sum(z * z * z), {1, 1}); }, x);
  ASSERT_EQ(found.shape(), Shape({2, 3, 2, 3}));
  expect_close(reshape(found, {6, 6}), diagonal(reshape(6.0 * x, {6})));
}

TEST(Hessian, IsTheJacobianOfTheGradient) {
  const auto f = [](const Tensor& x) { return sum(exp(mm(x, transpose(x, 0, 1)))); };
  const auto gradient = [](const Tensor& x) {  // of f: 2 e^(x x^T) x
    return 2.0 * mm(exp(mm(x, transpose(x, 0, 1))), x);
  };
  const Tensor x = 0.5 * randn({3, 2}, float64), found = hessian(f, x);
  expect_close(found, jacobian(gradient, x), 1e-10);
  const Tensor matrix = reshape(found, {6, 6});
  expect_close(matrix, transpose(matrix, 0, 1), 1e-10);
}

// Inside its support of m elements, sparse_softmax is the projection z - mean(z) + 1/m: J = [support] (I -
// 1/m). With y = sum p^2, the Hessian is 2 J^T J = 2 J.
TEST(Hessian, GoesThroughSparseSoftmax) {
  const Tensor z = row({0.9, -3, 0.7, 0.8, -2});  // support 0, 2 and 3
  const Tensor support = row({1, 0, 1, 1, 0});
  const Tensor j = diagonal(support) - outer(support, support) / 3.0;
  expect_close(jacobian([](const Tensor& x) { return sparse_softmax(x, 4); }, z), j);
  expect_close(hessian([](const Tensor& x) { return sum(square(sparse_softmax(x, 4))); }, z), 2.0 * j);
}

TEST(Hessian, IsZeroIfTheGradientIsConstant) {
  const Tensor x = randn({3}, float64), v = randn({3}, float64);
  const auto linear = [](const Tensor& z) { return sum(z * row({1, 2, 3})); };
  const auto kinked = [](const Tensor& z) { return sum(relu(z)); };
  const auto first = [](const Tensor& z) { return slice(z, 0, 0, 1); };
  for (const std::function<Tensor(const Tensor&)>& f :
       std::vector<std::function<Tensor(const Tensor&)>>{linear, kinked, first}) {
    expect_close(hessian(f, x), zeros({3, 3}, float64), 0);
    expect_close(hessian_vector_product(f, x, v), zeros({3}, float64), 0);
  }
  const Tensor one = row({2});
  expect_close(hessian([](const Tensor& z) { return z; }, one), zeros({1, 1}, float64), 0);
}

TEST(HessianVectorProduct, IsTheHessianTimesTheVector) {
  const auto f = [](const Tensor& x) { return sum(square(softmax(x * exp(x)))); };
  const Tensor x = randn({7}, float64), v = randn({7}, float64);
  expect_close(hessian_vector_product(f, x, v), matmul(hessian(f, x), v), 1e-10);
  const Tensor a = randn({2, 3}, float64), w = randn({2, 3}, float64);
  expect_close(hessian_vector_product([](const Tensor& z) { return sum(z * z * z); }, a, w), 6.0 * a * w);
}

TEST(Derivatives, InFloat32) {
  const Tensor x = tensor({1, 2, -3}), v = tensor({1, 0.5, 2});
  const auto cubes = [](const Tensor& z) { return sum(z * z * z); };
  EXPECT_EQ(hessian(cubes, x).dtype(), float32);
  expect_values(hessian(cubes, x).to(float64), {6, 0, 0, 0, 12, 0, 0, 0, -18}, 0);
  expect_values(hessian_vector_product(cubes, x, v).to(float64), {6, 6, -36}, 0);
}

TEST(Derivatives, AreZeroOfAFunctionThatIgnoresItsArgument) {
  const Tensor x = tensor({1, 2});
  Tensor other = tensor({3, 4, 5}).requires_grad();
  const auto constant = [](const Tensor&) { return ones({3}); };
  const auto of_another_leaf = [&](const Tensor&) { return square(other); };
  expect_same(jacobian(constant, x), zeros({3, 2}));
  expect_same(jacobian(of_another_leaf, x), zeros({3, 2}));
  const auto total = [&](const Tensor&) { return sum(square(other)); };
  expect_same(hessian(total, x), zeros({2, 2}));
  expect_same(hessian_vector_product(total, x, x), zeros({2}));
  EXPECT_FALSE(other.grad());
}

TEST(Derivatives, HaveNoElementsIfThereAreNone) {
  const Tensor none = zeros({0, 2}, float64);
  const auto total = [](const Tensor& x) { return sum(square(x)); };
  EXPECT_EQ(jacobian([](const Tensor& x) { return square(x); }, none).shape(), Shape({0, 2, 0, 2}));
  EXPECT_EQ(jacobian([](const Tensor& x) { return slice(x, 0, 0, 0); }, row({1})).shape(), Shape({0, 1}));
  EXPECT_EQ(jacobian(total, none).shape(), Shape({0, 2}));
  EXPECT_EQ(hessian(total, none).shape(), Shape({0, 2, 0, 2}));
  EXPECT_EQ(hessian_vector_product(total, none, none).shape(), Shape({0, 2}));
}

TEST(Derivatives, LeaveTheCallersTensorsAndTapeAlone) {
  Tensor x = row({1, 2}).requires_grad();
  Tensor weight = row({3, 4}).requires_grad();
  Tape tape;
  const Tensor y = x * 2.0;
  const std::size_t before = tape.node_count();
  const auto f = [&](const Tensor& z) { return sum(square(z) * weight); };
  for (const Tensor& at : {x, y}) {
    const Tensor j = jacobian(f, at), h = hessian(f, at), hv = hessian_vector_product(f, at, at);
    expect_close(j, 2.0 * at.detach() * weight.detach(), 0);
    expect_values(h, {6, 0, 0, 8}, 0);
    expect_close(hv, row({6, 8}) * at.detach(), 0);
    for (const Tensor& result : {j, h, hv}) EXPECT_FALSE(Tape::tracks(result));
  }
  EXPECT_EQ(tape.node_count(), before);
  EXPECT_EQ(Tape::recording(), &tape);
  EXPECT_FALSE(x.grad() || weight.grad());
  tape.backward(sum(y));  // the caller's tape goes on
  expect_values(x.grad(), {2, 2}, 0);
}

// An op whose vector-Jacobian product is the cotangent itself.
TEST(Derivatives, NeverHandOutTheirArguments) {
  const auto half_square = [](const Tensor& x) {
    const Tensor y = tensor(0.5, float64) * sum(square(x.detach()));
    return record("half_square", y, vjp(x, [x](const Tensor& dy) {
                    return record("slope", (dy * x).detach().clone(),
                                  vjp(x, [](const Tensor& v) { return v; }));
                  }));
  };
  Tensor x = row({1, 2}), v = row({3, 4}).requires_grad();
  const Tensor found = hessian_vector_product(half_square, x, v);
  expect_same(found, v);
  EXPECT_NE(found.data<double>(), v.data<double>());
  EXPECT_FALSE(found.wants_grad());
}

TEST(Derivatives, SayWhatIsWrong) {
  const Tensor x = tensor({1, 2});
  const auto squares = [](const Tensor& z) { return square(z); };
  const auto total = [](const Tensor& z) { return sum(square(z)); };
  expect_error("hessian", [&] { hessian(squares, x); }, {"one element", "(2,)"});
  expect_error("hessian_vector_product", [&] { hessian_vector_product(squares, x, x); },
               {"one element", "(2,)"});
  expect_error("hessian_vector_product",
               [&] {
                 hessian_vector_product(total, x, tensor({1, 2, 3}));
               },
               {"v must have", "(3,)", "(2,)"});
  expect_error("hessian_vector_product",
               [&] {
                 hessian_vector_product(total, x, row({1, 2}));
               },
               {"float64", "float32"});
  expect_error("hessian_vector_product", [&] { hessian_vector_product(total, x, {}); },
               {"v is an empty handle"});
  expect_error("hessian", [&] { hessian(total, {}); }, {"x is an empty handle"});
  expect_error("jacobian", [&] { jacobian(total, {}); }, {"x is an empty handle"});
  expect_error("jacobian", [&] { jacobian([](const Tensor&) { return Tensor(); }, x); }, {"f's result"});
  const auto bad = [](const Tensor& z) {
    return record("bad", zeros({}), vjp(z, [](const Tensor& dy) { return dy; }));
  };
  expect_error("gradient", [&] { jacobian(bad, x); }, {"vector-Jacobian product", "()", "(2,)"});
}

TEST(Derivatives, OfARecordedResultOfAnotherTapeAskForDetach) {
  Tensor w = tensor({3, 4}).requires_grad();
  Tape tape;
  const Tensor y = square(w);
  expect_error("gradient",
               [&] {
                 jacobian([&](const Tensor& z) { return z * y; }, tensor({1, 2}));
               },
               {"another tape", "detach()"});
  expect_values(jacobian([&](const Tensor& z) { return z * y.detach(); }, tensor({1, 2})).to(float64),
                {9, 0, 0, 16}, 0);
  EXPECT_EQ(Tape::recording(), &tape);  // the error has left no other
}

class DerivativesOnCuda : public OnCuda {};

TEST_F(DerivativesOnCuda, AreThoseOfTheCpu) {
  const Device gpu = Device::cuda();
  const Tensor x = randn({2, 3}, float64), v = randn({2, 3}, float64);
  const auto f = [](const Tensor& z) { return softmax(z * z); };
  const auto total = [](const Tensor& z) { return sum(z * z * z); };
  EXPECT_EQ(jacobian(f, x.to(gpu)).kind(), Kind(float64, gpu));
  expect_close(jacobian(f, x.to(gpu)), jacobian(f, x));
  expect_close(hessian(total, x.to(gpu)), hessian(total, x));
  expect_close(hessian_vector_product(total, x.to(gpu), v.to(gpu)), hessian_vector_product(total, x, v));
  expect_error("hessian_vector_product", [&] { hessian_vector_product(total, x.to(gpu), v); }, {"cuda"});
}

}  // namespace
}  // namespace taper::test
