// Planted mistakes: at kinks, in second order, somewhere in large inputs, and beyond numbers.
#include "gradcheck/gradcheck_planted.hpp"
#include <taper/taper.hpp>

#include <cmath>
#include <memory>

namespace taper::test {
namespace {

// gradcheck or gradgradcheck of one of two functions.
template <class F>
std::function<GradcheckReport(bool)> either(F right, F wrong, Tensors inputs, bool second_order = false) {
  return [=](bool with_mistake) {
    const MultiFunction f = with_mistake ? MultiFunction(wrong) : MultiFunction(right);
    return second_order ? gradgradcheck(f, inputs) : gradcheck(f, inputs);
  };
}

Tensor is_zero(const Tensor& x) { return where(x, zeros(x.shape(), float64), ones(x.shape(), float64)); }

}  // namespace

std::vector<Planted> wrong_at_kinks() {
  const auto at_zero = [](double slope) {
    return [=](const Tensor& dy, const Tensor& x) {
      return dy * (where(relu(x), ones(x.shape(), float64), zeros(x.shape(), float64)) + slope * is_zero(x));
    };
  };
  const auto steep = [](const Tensor& dy, const Tensor& x) {
    return dy * (x / (abs(x) + is_zero(x)) + 2.0 * is_zero(x));
  };
  const auto share = [](double part) {
    return [=](const Tensor& dy, const Tensor& x) { return dy * is_zero(max(x) - x) * part; };
  };
  const auto of_maximum = [](const Tensor& dy, const Tensor& x) {
    const Tensor b = row({1, 1, 1});
    return dy * (where(relu(x - b), ones({3}, float64), zeros({3}, float64)) + 1.5 * is_zero(x - b));
  };
  const auto sparse = [](const Tensor& x) { return sparse_softmax(x, 2); };
  // At z_i = tau, where both i in the support and i out of it would be right.
  const auto of_sparse = [](const Tensor& dy, const Tensor&) { return dy * 3.0; };
  return {
      planted("relu at 0: 1.5", relu, at_zero(1.5), row({-1, 0, 2}), {"wrong at 1 kink", "argument 0 (1,)"}),
      planted("relu at 0: -0.5", relu, at_zero(-0.5), row({-1, 0, 2}), {"wrong at 1 kink"}),
      planted("abs at 0: 2", abs, steep, row({-1, 0, 2}), {"wrong at 1 kink", "has to be in"}),
      planted("ties of max: 1.5", [](const Tensor& x) { return max(x); }, share(1.5), row({1, 2, 2}),
              {"wrong at 2 kinks"}),
      planted(
          "ties of max: -0.1", [](const Tensor& x) { return max(x) + x * 0.0; },
          [=](const Tensor& dy, const Tensor& x) { return sum(dy) * is_zero(max(x) - x) * -0.1; },
          row({1, 2, 2}), {"wrong at 2 kinks"}),
      planted("ties of max: all of dy to both", [](const Tensor& x) { return max(x); }, share(1),
              row({1, 2, 2}), {"not together"}),
      planted("ties of maximum",
              [](const Tensor& x) {
                return maximum(x, row({1, 1, 1}));
              },
              of_maximum, row({0, 1, 2}), {"wrong at 1 kink", "argument 0 (1,)"}),
      planted("the border of a support", sparse, of_sparse, row({1, 0, -3}), {"wrong at 2 kinks"}),
  };
}

std::vector<Planted> wrong_in_second_order() {
  using F = std::function<Tensor(const Tensors&)>;
  const auto with = [](auto product) {
    return F([=](const Tensors& in) {
      const Tensor x = in[0];
      return record("planted", pow(x.detach(), 3), vjp(x, [=](const Tensor& dy) { return product(dy, x); }));
    });
  };
  const F right = with([](const Tensor& dy, const Tensor& x) { return dy * 3.0 * square(x); });
  const F detached = with([](const Tensor& dy, const Tensor& x) { return dy * 3.0 * square(x.detach()); });
  const F half = with([](const Tensor& dy, const Tensor& x) { return dy * 3.0 * x * x.detach(); });
  const F without_dy = with([](const Tensor& dy, const Tensor& x) { return dy.detach() * 3.0 * square(x); });
  const F negated = with([](const Tensor& dy, const Tensor& x) {
    const Tensor slope = 3.0 * square(x);
    return dy * record("slope", slope.detach().clone(), vjp(slope, [](const Tensor& d) { return -d; }));
  });
  const F product = [](const Tensors& in) { return in[0] * square(in[1]); };
  const F asymmetric = [](const Tensors& in) {
    const Tensor x = in[0], y = in[1];
    return record("planted", x.detach() * square(y.detach()),
                  vjp(x, [=](const Tensor& dy) { return dy * square(y); }),
                  vjp(y, [=](const Tensor& dy) { return dy * 2.0 * x.detach() * y; }));
  };
  const Tensors at{row({0.7, -1.3, 2})}, two{row({0.7, -1.3, 2}), row({1, 2, -0.5})};
  return {
      {"second order: detached", either(right, detached, at, true), {"argument 0: zero everywhere"}},
      {"second order: half",
       either(right, half, at, true),
       {"argument 0: all elements off by the factor 0.5"}},
      {"second order: negated", either(right, negated, at, true), {"argument 0: the sign is wrong"}},
      {"second order: dy cut off",
       either(right, without_dy, at, true),
       {"v (the cotangent): zero everywhere"}},
      {"second order: asymmetric", either(product, asymmetric, two, true), {"not symmetric"}},
  };
}

std::vector<Planted> wrong_somewhere_large() {
  constexpr std::int64_t n = 40000;
  Generator generator(11);
  const Tensor x = randn({200, 200}, generator, float64);
  const auto slope = [](const Tensor& dy, const Tensor& at) { return dy * (1.0 - square(tanh(at))); };
  const auto only = [=](double factor, std::function<bool(std::int64_t)> chosen) {
    return [=](const Tensor& dy, const Tensor& at) { return times_where(slope(dy, at), factor, chosen); };
  };
  // The smallest gradient of all, 1e-6 of the usual.
  const auto of_tiny = [=](const Tensor& dy, const Tensor& at) {
    return times_where(dy * row(std::vector<double>(n, 1)) + 0.0 * at, 1, [](auto) { return false; });
  };
  const auto weights = [] {
    std::vector<double> w(n, 1);
    w[17] = 1e-6;
    return row(w);
  }();
  const Tensor flat = randn({n}, generator, float64);
  return {
      planted("one of 40,000", tanh, only(1.5, [](auto i) { return i == 12345; }), x,
              {"argument 0 (61, 145)", "factor 1.5"}),
      planted("one of 40,000 zero", tanh, only(0, [](auto i) { return i == 777; }), x,
              {"argument 0 (3, 177)", "zero in 1"}),
      planted("one of 40,000 NaN", tanh, only(std::nan(""), [](auto i) { return i == 777; }), x,
              {"argument 0 (3, 177)", "NaN"}),
      planted("all of 40,000", tanh, only(1.01, [](auto) { return true; }), x,
              {"all elements off by the factor 1.01"}),
      planted("a block of 40,000", tanh, only(-1, [](auto i) { return i < 2000; }), x, {"the sign is wrong"}),
      planted("a tiny one of 40,000", [=](const Tensor& z) { return z * weights; }, of_tiny, flat,
              {"argument 0 (17,)"}),
  };
}

std::vector<Planted> wrong_beyond_numbers() {
  using F = std::function<Tensor(const Tensors&)>;
  const Tensors at{row({0.7, -1.3, 2})};
  const F right = [](const Tensors& in) { return square(in[0]); };
  const auto with = [](auto product) {
    return F([=](const Tensors& in) {
      const Tensor x = in[0];
      return record("planted", square(x.detach()), vjp(x, [=](const Tensor& dy) { return product(dy, x); }));
    });
  };
  const auto generator = std::make_shared<Generator>(5);
  const auto noisy = [=](double size) {
    return F([=](const Tensors& in) { return square(in[0]) + uniform({3}, 0, size, *generator, float64); });
  };
  const F random_backward =
      with([=](const Tensor& dy, const Tensor& x) { return dy * x * (1.5 + generator->uniform()); });
  const F changes = [](const Tensors& in) {
    Tensor same = in[0];
    same.mutable_data<double>()[0] += 1;
    return square(in[0]);
  };
  const F constant = [](const Tensors&) { return row({1, 2}); };
  const F empty = with([](const Tensor&, const Tensor&) { return Tensor(); });
  const F narrow = with([](const Tensor& dy, const Tensor&) { return cast(dy, float32); });
  const F smaller = with([](const Tensor& dy, const Tensor&) { return slice(dy, 0, 0, 2); });
  const F rank = with([](const Tensor& dy, const Tensor&) { return reshape(dy, {1, 3}); });
  const auto in_float32 = [](double slope) {
    return F([=](const Tensors& in) {
      const Tensor x = cast(in[0], float32);
      return cast(
          record("planted", square(x.detach()), vjp(x, [=](const Tensor& dy) { return dy * slope * x; })),
          float64);
    });
  };
  const auto float32_branch = [](bool wrong) {
    return F([=](const Tensors& in) {
      const Tensor x = in[0];
      return record("planted", square(x.detach()), vjp(x, [=](const Tensor& dy) {
                      return dy * 2.0 * x * (wrong && x.dtype() == float32 ? 1.0001 : 1.0);
                    }));
    });
  };
  const auto several = [](bool with_mistake) {
    const ManyFunction f = [=](const Tensors& in) {
      const Tensor cube = with_mistake ? pow(in[0].detach(), 3) : pow(in[0], 3);
      return Tensors{square(in[0]), cube};
    };
    return gradcheck(f, {row({0.7, -1.3, 2})});
  };
  const auto model = [](bool with_mistake) {
    Generator draws(3);
    nn::Linear line(3, 2, draws, {.dtype = float64});
    const Tensor x = randn({4, 3}, draws, float64);
    return gradcheck(line, [&] {
      const Tensor bias = line.bias;
      const Tensor y = mm(x, line.weight);
      return sum(
          record("bias", y.detach() + bias.detach(), vjp(y, [](const Tensor& dy) { return dy; }),
                 vjp(bias, [=](const Tensor& dy) { return sum(dy, 0) * (with_mistake ? 0.25 : 1.0); })));
    });
  };
  const auto plain = [](bool with_mistake) {
    using Numbers = std::vector<double>;
    return gradcheck([](const Numbers& x) { return x[0] * x[1]; },
                     [=](const Numbers& x) {
                       return with_mistake ? x : Numbers{x[1], x[0]};
                     },
                     Numbers{2, 3});
  };
  std::vector<Planted> list{
      {"a random function", either(right, noisy(1), at), {"not deterministic"}, Verdict::undecided},
      {"noise of 1e-9", either(right, noisy(1e-9), at), {"not deterministic"}, Verdict::undecided},
      {"a random backward", either(right, random_backward, at), {"backward is not deterministic"}},
      {"inputs that are changed", either(right, changes, at), {"changes its inputs"}},
      {"inputs that are ignored",
       either(right, constant, at),
       {"depends on none of its inputs"},
       Verdict::undecided},
      {"an empty handle", either(right, empty, at), {"planted", "got an empty handle"}},
      {"float32 from float64",
       either(right, narrow, at),
       {"planted", "must be float64 (3,), got float32 (3,)"}},
      {"too few elements", either(right, smaller, at), {"must be float64 (3,), got float64 (2,)"}},
      {"another rank", either(right, rank, at), {"must be float64 (3,), got float64 (1, 3)"}},
      {"float32 inside", either(in_float32(2), in_float32(7), at), {"off by the factor 3.5"}},
      {"float32 alone",
       either(float32_branch(false), float32_branch(true), {tensor({0.7, -1.3, 2})}),
       {"the float32 gradient is wrong for argument 0"}},
      {"one result of several", several, {"3 of 3 elements wrong"}},
      {"a model's parameter", model, {"bias[0]", "bias: all elements off by the factor 0.25"}},
      {"a plain function", plain, {"x[0]", "the right one reversed"}},
  };
  return list;
}

}  // namespace taper::test
