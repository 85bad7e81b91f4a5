// Planted mistakes: wrong numbers, wrong places, wrong orders, wrong layers.
#include "gradcheck/gradcheck_planted.hpp"
#include <taper/taper.hpp>

#include <cmath>

namespace taper::test {

Planted planted(std::string name, MultiFunction value, std::vector<Product> right, std::size_t argument,
                Product wrong, Tensors inputs, std::vector<std::string> says) {
  const auto check = [=](bool with_mistake) {
    const MultiFunction f = [&](const Tensors& x) {
      Tensors constants;
      for (const Tensor& input : x) constants.push_back(input.detach());
      taper::internal::PoolVector<Vjp<std::function<Tensor(const Tensor&)>>> vjps;
      for (std::size_t i = 0; i < x.size(); ++i) {
        const Product product = with_mistake && i == argument ? wrong : right[i];
        vjps.push_back(vjp(
            x[i], std::function<Tensor(const Tensor&)>([=](const Tensor& dy) { return product(dy, x); })));
      }
      return record("planted", value(constants).clone(), std::move(vjps));
    };
    return gradcheck(f, inputs);
  };
  return {std::move(name), check, std::move(says)};
}

Planted planted(std::string name, Function value, std::function<Tensor(const Tensor&, const Tensor&)> wrong,
                Tensor input, std::vector<std::string> says) {
  const auto check = [=](bool with_mistake) {
    if (!with_mistake) return gradcheck(value, input);
    return gradcheck(with_product(value, wrong), input);
  };
  return {std::move(name), check, std::move(says)};
}

Tensor times_where(const Tensor& dx, double factor, const std::function<bool(std::int64_t)>& chosen) {
  Tensor result = dx.clone();
  for (std::int64_t i = 0; i < result.size(); ++i) {
    if (chosen(i)) result.mutable_data<double>()[i] *= factor;
  }
  return result;
}

namespace {

const Tensor x5 = row({0.7, -1.3, 2, 0.4, -0.9});
const Tensor positive = row({0.7, 1.3, 2, 0.4});
const Tensor square3 = tensor({{0.3, -1.2, 0.8}, {1.5, 0.6, -0.4}, {-0.7, 1.1, 0.9}}, float64);
const Tensor wide = tensor({{0.3, -1.2, 0.8, 2}, {1.5, 0.6, -0.4, -1}}, float64);

Tensor slope_of_square(const Tensor& dy, const Tensor& x) { return dy * (2.0 * x); }

}  // namespace

std::vector<Planted> wrong_numbers() {
  const auto times = [](double factor) {
    return [=](const Tensor& dy, const Tensor& x) { return slope_of_square(dy, x) * factor; };
  };
  const auto total = [](const Tensor& x) { return sum(x * x); };
  const auto average = [](const Tensor& x) { return mean(x * x); };
  return {
      planted("a factor of 2", square, times(2), x5, {"argument 0: all elements off by the factor 2"}),
      planted("a factor of 1.01", square, times(1.01), x5, {"all elements off by the factor 1.01"}),
      planted("a factor of 1.0001", square, times(1.0001), x5, {"all elements off by the factor 1.0001"}),
      planted("a factor of 1.00001", square, times(1.00001), x5, {"off by the factor 1.00001"}),
      planted("the sign", square, times(-1), x5, {"argument 0: the sign is wrong in all elements"}),
      planted("zero", square, times(0), x5, {"argument 0: zero everywhere"}),
      planted("NaN", square, times(std::nan("")), x5, {"NaN at x = 0.7 and 4 more"}),
      planted("infinity", square, times(INFINITY), x5, {"5 of 5 elements wrong", "inf"}),
      planted("NaN for negative x", square,
              [](const Tensor& dy, const Tensor& x) { return dy * (2.0 * pow(sqrt(x), 2)); }, x5,
              {"NaN at x = -1.3 and 1 more"}),
      planted("a constant too much", total,
              [](const Tensor& dy, const Tensor& x) { return dy * (2.0 * x + 0.1); }, x5,
              {"all elements off by the same amount, 0.1"}),
      planted(
          "a term in x too much", [](const Tensor& x) { return sum(exp(x)); },
          [](const Tensor& dy, const Tensor& x) { return dy * (exp(x) + 0.2 * x); }, x5, {"off by 0.2 x"}),
      planted("x missing", square, [](const Tensor& dy, const Tensor&) { return dy * 2.0; }, x5,
              {"1 / x: is x missing?"}),
      planted("x once too often", square, [](const Tensor& dy, const Tensor& x) { return dy * 2.0 * x * x; },
              x5, {"1 x: is x there once too often?"}),
      planted("the size without the sign", total,
              [](const Tensor& dy, const Tensor& x) { return dy * abs(2.0 * x); }, x5,
              {"the sign is wrong in 2 of 5 elements"}),
      planted("a mean in place of a sum", total,
              [](const Tensor& dy, const Tensor& x) { return dy * (0.4 * x); }, x5,
              {"the factor 0.2, 1 / the extent of axis 0: a mean in place of a sum?"}),
      planted("a sum in place of a mean", average,
              [](const Tensor& dy, const Tensor& x) { return dy * (2.0 * x); }, x5,
              {"the factor 5, the extent of axis 0: a sum in place of a mean?"}),
      planted(
          "tiny gradients", [](const Tensor& x) { return 1e-9 * square(x); },
          [](const Tensor& dy, const Tensor& x) { return dy * (4e-9 * x); }, x5, {"off by the factor 2"}),
      planted(
          "a tiny element beside a large one",
          [](const Tensor& x) {
            return sum(x * row({1e6, 1e-2}));
          },
          [](const Tensor& dy, const Tensor&) {
            return dy * row({1e6, 2e-2});
          },
          row({1, 1}), {"1 of 2 elements off by the factor 2", "argument 0 (1,)"}),
      planted(
          "an element that f ignores",
          [](const Tensor& x) {
            return sum(x * row({1, 0}));
          },
          [](const Tensor& dy, const Tensor&) {
            return dy * row({1, 1e-9});
          },
          row({1, 2}), {"argument 0 (1,)"}),
      planted("the absolute value of dy", square,
              [](const Tensor& dy, const Tensor& x) { return abs(dy) * (2.0 * x); }, x5,
              {"not linear in dy"}),
      planted("dy squared", square, [](const Tensor& dy, const Tensor& x) { return dy * dy * (2.0 * x); }, x5,
              {"not linear in dy"}),
      planted("dy cut off below 0", square,
              [](const Tensor& dy, const Tensor& x) { return relu(dy) * (2.0 * x); }, x5,
              {"not linear in dy"}),
      planted("dy clipped", square,
              [](const Tensor& dy, const Tensor& x) {
                return maximum(dy, full(dy.shape(), -1, float64)) * (2.0 * x);
              },
              x5, {"not linear in dy"}),
      planted("dy forgotten", square, [](const Tensor&, const Tensor& x) { return 2.0 * x; }, x5,
              {"not linear in dy"}),
      planted("the slope of sigmoid for tanh", tanh,
              [](const Tensor& dy, const Tensor& x) { return dy * tanh(x) * (1.0 - tanh(x)); }, x5,
              {"5 of 5 elements wrong"}),
      planted("y for y (1 - y)", sigmoid, [](const Tensor& dy, const Tensor& x) { return dy * sigmoid(x); },
              x5, {"5 of 5 elements wrong"}),
      planted(
          "the exponent missing", [](const Tensor& x) { return pow(x, 3); },
          [](const Tensor& dy, const Tensor& x) { return dy * square(x); }, x5,
          {"off by the factor 0.333333"}),
      planted(
          "the chain rule's inner factor", [](const Tensor& x) { return exp(3.0 * x); },
          [](const Tensor& dy, const Tensor& x) { return dy * exp(3.0 * x); }, x5,
          {"off by the factor 0.333333"}),
  };
}

std::vector<Planted> wrong_places() {
  const auto only = [](double factor, std::function<bool(std::int64_t)> chosen) {
    return [=](const Tensor& dy, const Tensor& x) {
      return times_where(slope_of_square(dy, x), factor, chosen);
    };
  };
  const auto if_x = [](std::function<bool(double)> chosen) {
    return [=](const Tensor& dy, const Tensor& x) {
      return times_where(slope_of_square(dy, x), 1.5,
                         [=](std::int64_t i) { return chosen(x.data<double>()[i]); });
    };
  };
  const auto if_extent_is_one = [](const Tensor& dy, const Tensor& x) {
    return slope_of_square(dy, x) * (x.extent(1) == 1 ? 2.0 : 1.0);
  };
  return {
      planted("the last element of an odd length", square, only(0, [](auto i) { return i == 4; }), x5,
              {"wrong only at the last index, 4, of axis 0", "zero in 1 of 5"}),
      planted("the first element", square, only(3, [](auto i) { return i == 0; }), x5,
              {"the first index, 0, of axis 0"}),
      planted("one element in the middle", square, only(1.1, [](auto i) { return i == 2; }), x5,
              {"argument 0 (2,)", "index 2, of axis 0"}),
      planted("a column", square, only(2, [](auto i) { return i % 4 == 3; }), wide,
              {"the last index, 3, of axis 1"}),
      planted("a row", square, only(2, [](auto i) { return i < 4; }), wide,
              {"the first index, 0, of axis 0"}),
      planted("the diagonal", square, only(2, [](auto i) { return i % 4 == 0; }), square3,
              {"wrong on the diagonal"}),
      planted("off the diagonal", square, only(2, [](auto i) { return i % 4 != 0; }), square3,
              {"wrong off the diagonal"}),
      planted("negative x", square, if_x([](double x) { return x < 0; }), x5, {"wrong only if x < 0"}),
      planted("positive x", square, if_x([](double x) { return x > 0; }), x5, {"wrong only if x > 0"}),
      planted("large x", square, if_x([](double x) { return x > 100; }), row({1, 1e4, -2}),
              {"argument 0 (1,)", "factor 1.5"}),
      planted("small x", square, if_x([](double x) { return std::abs(x) < 1e-3; }), row({1, 1e-4, -2}),
              {"argument 0 (1,)", "factor 1.5"}),
      planted("axes of extent 1", square, if_extent_is_one, tensor({{0.3}, {1.2}, {-2}}, float64),
              {"off by the factor 2"}),
  };
}

std::vector<Planted> wrong_orders() {
  const auto as_it_is = [](const Tensor& dy, const Tensor&) { return dy; };
  const Product d_a = [](const Tensor& dy, const Tensors& x) { return mm(dy, x[1], false, true); };
  const Product d_b = [](const Tensor& dy, const Tensors& x) { return mm(x[0], dy, true, false); };
  const MultiFunction product = [](const Tensors& x) { return mm(x[0], x[1]); };
  const MultiFunction quotient = [](const Tensors& x) { return x[0] / x[1]; };
  const MultiFunction difference = [](const Tensors& x) { return x[0] - x[1]; };
  const Product first = [](const Tensor& dy, const Tensors&) { return dy; };
  const Product negative = [](const Tensor& dy, const Tensors&) { return -dy; };
  const Product d_q0 = [](const Tensor& dy, const Tensors& x) { return dy / x[1]; };
  const Product d_q1 = [](const Tensor& dy, const Tensors& x) { return -(dy * x[0] / square(x[1])); };
  const MultiFunction batches = [](const Tensors& x) { return bmm(x[0], x[1]); };
  const Product d_batch = [](const Tensor& dy, const Tensors& x) { return bmm(dy, x[1], false, true); };
  const Product d_batch1 = [](const Tensor& dy, const Tensors& x) { return bmm(x[0], dy, true, false); };
  const Product one_batch_wrong = [=](const Tensor& dy, const Tensors& x) {
    return times_where(d_batch(dy, x), 2, [](auto i) { return i >= 4; });
  };
  const MultiFunction scaled = [](const Tensors& x) { return x[0] * x[1]; };
  const Product d_s0 = [](const Tensor& dy, const Tensors& x) { return dy * x[1]; };
  const Product d_s1 = [](const Tensor& dy, const Tensors& x) { return sum_to(dy * x[0], x[1].shape()); };
  const Product mean_to = [=](const Tensor& dy, const Tensors& x) { return d_s1(dy, x) * (1.0 / 3); };
  const Product no_sum = [](const Tensor& dy, const Tensors& x) { return dy * x[0]; };
  const Product only_first_row = [](const Tensor& dy, const Tensors& x) {
    return x[1].extent(0) == 1 ? slice(dy * x[0], 0, 0, 1) : dy * x[0];
  };
  const Tensor other3 = square3 * 0.5 + 1.1, row3 = tensor({{0.4, -1, 2}}, float64),
               column3 = tensor({{0.4}, {-1}, {2}}, float64);
  const Tensor batch = reshape(row({1, 2, 3, 4, -1, 0.5, 2, 1}), {2, 2, 2});
  return {
      planted("the transpose, square", [](const Tensor& x) { return transpose(x, 0, 1); }, as_it_is, square3,
              {"the transpose of the right one"}),
      planted(
          "the transpose, not square", [](const Tensor& x) { return transpose(x, 0, 1); },
          [](const Tensor& dy, const Tensor& x) { return reshape(dy, x.shape()); }, wide,
          {"the transpose of the right one"}),
      planted("reversed",
              [](const Tensor& x) {
                return gather(x, {4, 3, 2, 1, 0});
              },
              as_it_is, x5, {"the right one reversed along axis 0"}),
      planted("shifted by one",
              [](const Tensor& x) {
                return gather(x, {1, 2, 3, 4, 0});
              },
              as_it_is, x5, {"the right one shifted by one along axis 0"}),
      planted("another order",
              [](const Tensor& x) {
                return gather(x, {2, 0, 4, 1, 3});
              },
              as_it_is, x5, {"the right numbers, in another order"}),
      planted("the sum over an axis in each element", square,
              [](const Tensor& dy, const Tensor& x) {
                return sum(dy * 2.0 * x, 0, true) + zeros(x.shape(), float64);
              },
              square3, {"each element has the sum of the right ones over axis 0"}),
      planted(
          "duplicates dropped",
          [](const Tensor& x) {
            return gather(x, {0, 0, 1});
          },
          [](const Tensor& dy, const Tensor&) {
            return gather(dy, {1, 2});
          },
          row({1, 2}), {"argument 0 (0,)"}),
      planted(
          "one slice too far", [](const Tensor& x) { return slice(x, 0, 1, 3); },
          [](const Tensor& dy, const Tensor&) {
            return concat({zeros({2}, float64), dy, zeros({1}, float64)});
          },
          x5, {"the right one shifted by one"}),
      planted("swapped products", scaled, {d_s0, no_sum}, 0, no_sum, {square3, other3},
              {"it has the gradient of argument 1"}),
      planted("b for its transpose", product, {d_a, d_b}, 0,
              [](const Tensor& dy, const Tensors& x) { return mm(dy, x[1]); }, {square3, other3},
              {"argument 0 (", "9 of 18 elements wrong"}),
      planted("the second argument forgotten", product, {d_a, d_b}, 1,
              [](const Tensor&, const Tensors& x) { return zeros(x[1].shape(), float64); }, {square3, other3},
              {"argument 1: zero everywhere: has it no vjp"}),
      planted("the minus of a difference", difference, {first, negative}, 1, first, {square3, other3},
              {"argument 1: the sign is wrong"}),
      planted("the square of a quotient", quotient, {d_q0, d_q1}, 1,
              [](const Tensor& dy, const Tensors& x) { return -(dy * x[0] / x[1]); }, {square3, other3},
              {"argument 1: all elements off by the factor 1 x"}),
      planted("one batch", batches, {d_batch, d_batch1}, 0, one_batch_wrong, {batch, batch + 0.7},
              {"the last index, 1, of axis 0"}),
      planted("a sum over a broadcast axis forgotten", scaled, {d_s0, d_s1}, 1, no_sum, {square3, row3},
              {"planted", "argument 1 must be float64 (1, 3), got float64 (3, 3): summed over axis 0"}),
      planted("the same along columns", scaled, {d_s0, d_s1}, 1, no_sum, {square3, column3},
              {"argument 1 must be float64 (3, 1), got float64 (3, 3): summed over axis 1"}),
      planted("a mean over a broadcast axis", scaled, {d_s0, d_s1}, 1, mean_to, {square3, row3},
              {"argument 1: all elements off by the factor 0.333333"}),
      planted("one broadcast pattern", scaled, {d_s0, d_s1}, 1, only_first_row, {square3, row3},
              {"argument 1 (0, "}),
  };
}

std::vector<Planted> wrong_layers() {
  const auto soft = [](const Tensor& x) { return softmax(x); };
  const auto sparse = [](std::int64_t k) { return [=](const Tensor& x) { return sparse_softmax(x, k); }; };
  const auto dense_jacobian = [](const Tensor& dy, const Tensor& x) {
    const Tensor p = softmax(x);
    return p * (dy - sum(dy * p, -1, true));
  };
  const auto right_sparse = [=](const Tensor& dy, const Tensor& x, std::int64_t k) {
    Tensor leaf = x.clone().requires_grad();
    Tape tape;
    return tape.gradient(sparse_softmax(leaf, k), {leaf}, {.cotangent = dy.detach()})[0];
  };
  const auto twice_if_all = [=](const Tensor& dy, const Tensor& x) { return right_sparse(dy, x, 9) * 2.0; };
  const auto norm = [](const Tensor& x) {
    const Tensor centred = x - mean(x, -1, true);
    return centred / sqrt(mean(square(centred), -1, true));
  };
  const Tensor logits = tensor({{0.3, 1.2, -0.5, 0.8}, {1, 0.4, 0.2, -1}}, float64);
  return {
      planted("softmax without its sum", soft,
              [](const Tensor& dy, const Tensor& x) { return softmax(x) * dy; }, logits,
              {"8 of 8 elements wrong"}),
      planted(
          "log_softmax without p", [](const Tensor& x) { return log_softmax(x); },
          [](const Tensor& dy, const Tensor& x) { return dy - mean(dy, -1, true) + 0.0 * x; }, logits,
          {"argument 0 (", "wrong"}),
      planted("softmax's Jacobian in sparse_softmax", sparse(2), dense_jacobian, logits,
              {"8 of 8 elements wrong"}),
      planted("k of n or more", sparse(9), twice_if_all, logits, {"factor 2"}),
      planted("topk_softmax that reaches the hidden", [](const Tensor& x) { return topk_softmax(x, 2); },
              dense_jacobian, logits, {"argument 0 ("}),
      planted("a norm without its mean", norm,
              [=](const Tensor& dy, const Tensor& x) {
                const Tensor centred = x - mean(x, -1, true), s = sqrt(mean(square(centred), -1, true));
                return dy / s - centred * mean(dy * centred, -1, true) / (s * s * s);
              },
              logits, {"off by the same amount along axis 1: is a mean over it missing?"}),
      planted(
          "cross entropy without 1 / n",
          [](const Tensor& x) {
            return nn::cross_entropy(x, {1, 0});
          },
          [](const Tensor& dy, const Tensor& x) {
            return dy * (softmax(x) - tensor({{0, 1, 0, 0}, {1, 0, 0, 0}}, float64));
          },
          logits, {"factor 2, the extent of axis 0: a sum in place of a mean?"}),
      planted(
          "where with its sides swapped",
          [](const Tensor& x) {
            return where(row({1, 0, 1, 0}), x * 2.0, x * 3.0);
          },
          [](const Tensor& dy, const Tensor&) {
            return dy * row({3, 2, 3, 2});
          },
          positive, {"4 of 4 elements wrong"}),
      planted(
          "a clamp that lets all through",
          [](const Tensor& x) { return maximum(x, full(x.shape(), 1, float64)); },
          [](const Tensor& dy, const Tensor&) { return dy; }, positive, {"2 of 4 elements wrong"}),
      planted(
          "attention's scale", [=](const Tensor& x) { return sparse_softmax(x * 0.5, 2); },
          [=](const Tensor& dy, const Tensor& x) { return right_sparse(dy, x * 0.5, 2); }, logits,
          {"factor 2"}),
      planted(
          "the product rule's second half", [](const Tensor& x) { return x * tanh(x); },
          [](const Tensor& dy, const Tensor& x) { return dy * tanh(x); }, x5, {"5 of 5 elements wrong"}),
  };
}

}  // namespace taper::test
