// The reference's arrays, and the loops that several ops have in common.
#include "support/reference.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace taper::test {

Array array_of(const Tensor& tensor) { return {tensor.shape(), tensor.to_vector()}; }

Array build(const Shape& shape, const std::function<double(const Index&)>& element) {
  Array result{shape, {}};
  for (std::int64_t extent : shape) {
    if (extent == 0) return result;
  }
  Index index(static_cast<std::size_t>(shape.size()), 0);
  for (;;) {
    result.values.push_back(element(index));
    int axis = shape.size() - 1;
    for (; axis >= 0; --axis) {
      auto& position = index[static_cast<std::size_t>(axis)];
      if (++position < shape[axis]) break;
      position = 0;
    }
    if (axis < 0) return result;
  }
}

double at(const Array& array, const Index& index) {
  std::int64_t flat = 0;
  for (int axis = 0; axis < array.shape.size(); ++axis) {
    flat = flat * array.shape[axis] + index[static_cast<std::size_t>(axis)];
  }
  return array.values.at(static_cast<std::size_t>(flat));
}

double at_broadcast(const Array& array, const Index& index) {
  const auto rank = static_cast<std::size_t>(array.shape.size());
  Index own(index.end() - static_cast<std::ptrdiff_t>(rank), index.end());
  for (std::size_t axis = 0; axis < rank; ++axis) {
    if (array.shape[static_cast<int>(axis)] == 1) own[axis] = 0;
  }
  return at(array, own);
}

Shape common_shape(const std::vector<Array>& arrays) {
  int rank = 0;
  for (const Array& array : arrays) rank = std::max(rank, array.shape.size());
  Shape shape = Shape::filled(rank, 1);
  for (const Array& array : arrays) {
    for (int axis = 0; axis < array.shape.size(); ++axis) {
      std::int64_t& extent = shape[rank - array.shape.size() + axis];
      if (array.shape[axis] != 1) extent = array.shape[axis];
    }
  }
  return shape;
}

Reference pointwise(double (*f)(double)) {
  return [f](const std::vector<Array>& in) {
    return build(in[0].shape, [&](const Index& i) { return f(at(in[0], i)); });
  };
}

Reference pointwise(double (*f)(double, double)) {
  return [f](const std::vector<Array>& in) {
    return build(common_shape(in),
                 [&](const Index& i) { return f(at_broadcast(in[0], i), at_broadcast(in[1], i)); });
  };
}

Reference rowwise(int axis, std::function<Row(const Row&)> f) {
  return [axis, f = std::move(f)](const std::vector<Array>& in) {
    const auto a = static_cast<std::size_t>(axis);
    return build(in[0].shape, [&](const Index& index) {
      Row row;
      Index position = index;
      for (position[a] = 0; position[a] < in[0].shape[axis]; ++position[a]) {
        row.push_back(at(in[0], position));
      }
      return f(row)[static_cast<std::size_t>(index[a])];
    });
  };
}

Reference reduction(std::vector<bool> reduced, bool keepdims, std::function<double(const Row&)> f) {
  return [reduced = std::move(reduced), keepdims, f = std::move(f)](const std::vector<Array>& in) {
    const Array& x = in[0];
    Shape kept = x.shape, result;
    for (int axis = 0; axis < kept.size(); ++axis) {
      const bool gone = reduced[static_cast<std::size_t>(axis)];
      if (gone) kept[axis] = 1;
      if (!gone || keepdims) {
        Shape longer = Shape::filled(result.size() + 1, kept[axis]);
        std::copy(result.begin(), result.end(), longer.begin());
        result = longer;
      }
    }
    Array y = build(kept, [&](const Index& index) {
      Row members;
      build(x.shape, [&](const Index& candidate) {
        bool agrees = true;
        for (std::size_t axis = 0; axis < candidate.size(); ++axis) {
          agrees = agrees && (reduced[axis] || candidate[axis] == index[axis]);
        }
        if (agrees) members.push_back(at(x, candidate));
        return 0.0;
      });
      return f(members);
    });
    y.shape = result;
    return y;
  };
}

std::vector<std::size_t> largest(const Row& row, std::int64_t k) {
  std::vector<std::size_t> chosen;
  while (static_cast<std::int64_t>(chosen.size()) < k) {
    std::size_t best = row.size();
    for (std::size_t i = 0; i < row.size(); ++i) {
      const bool taken = std::find(chosen.begin(), chosen.end(), i) != chosen.end();
      if (!taken && !std::isinf(row[i]) && (best == row.size() || row[i] > row[best])) best = i;
    }
    if (best == row.size()) break;
    chosen.push_back(best);
  }
  return chosen;
}

// tau by bisection: sum over the k largest of max(0, z - tau) falls from more than 1 to 0.
Row sparse_softmax_row(const Row& z, std::int64_t k) {
  Row p(z.size(), 0.0);
  const auto chosen = largest(z, k);
  if (chosen.empty()) return p;
  double low = -1, high = 0;  // relative to the maximum
  const double maximum = z[chosen.front()];
  for (int step = 0; step < 100; ++step) {
    const double tau = (low + high) / 2;
    double sum = 0;
    for (std::size_t i : chosen) sum += std::max(0.0, (z[i] - maximum) - tau);
    (sum > 1 ? low : high) = tau;
  }
  for (std::size_t i : chosen) p[i] = std::max(0.0, (z[i] - maximum) - high);
  return p;
}

Row entmax_row(const Row& z, double alpha, std::int64_t k) {
  using Wide = long double;
  Row p(z.size(), 0.0);
  const auto chosen = largest(z, k);
  if (chosen.empty()) return p;
  const Wide slope = static_cast<Wide>(alpha) - 1, maximum = z[chosen.front()];
  const auto probability = [&](std::size_t i, Wide theta) {
    const Wide t = z[i] - maximum - theta;
    if (slope == 0) return std::exp(t);
    return 1 + slope * t > 0 ? std::exp(std::log1p(slope * t) / slope) : Wide{0};
  };
  Wide low = 0,
       high = 1 + std::log(static_cast<Wide>(chosen.size()));  // as for n equal elements, at the most
  for (int step = 0; step < 200; ++step) {
    const Wide theta = (low + high) / 2;
    Wide sum = 0;
    for (std::size_t i : chosen) sum += probability(i, theta);
    (sum > 1 ? low : high) = theta;
  }
  for (std::size_t i : chosen) p[i] = static_cast<double>(probability(i, high));
  return p;
}

Row as_written_row(const Row& z, std::int64_t k) {
  Row p(z.size(), 0.0);
  const auto chosen = largest(z, k);
  if (chosen.empty()) return p;
  double sum = 0;
  for (std::size_t i : chosen) sum += z[i];
  const double tau = (sum - 1) / static_cast<double>(chosen.size());
  for (std::size_t i = 0; i < z.size(); ++i) p[i] = std::max(0.0, z[i] - tau);
  return p;
}

Row topk_softmax_row(const Row& z, std::int64_t k) {
  Row p(z.size(), 0.0);
  double total = 0;
  for (std::size_t i : largest(z, k)) total += std::exp(z[i]);
  for (std::size_t i : largest(z, k)) p[i] = std::exp(z[i]) / total;
  return p;
}

}  // namespace taper::test
