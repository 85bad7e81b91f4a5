// The kernels that move bytes, one op at a time: how long each takes, and the bytes that it can't do without.
// Each input is read once and each result written once; the bound is a copy that does the same.
#include "timings.hpp"
#include <taper/taper.hpp>

#include <algorithm>
#include <numeric>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

using namespace taper;

namespace bench {
namespace {

using Tensors = std::vector<Tensor>;
using Function = std::function<Tensor(const Tensors&)>;

constexpr int sets = 3;  // of inputs that take turns, so that a run does not find its own in the cache

struct Kernel {
  std::string name;
  std::vector<Shape> inputs;
  Function f;
  // In elements of float32:
  double forward_traffic;
  double backward_traffic = 0;  // 0: not timed
};

std::int64_t count(const Shape& shape) {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

std::string text(const Shape& shape) {
  std::ostringstream out;
  out << shape;
  return out.str();
}

class Kernels {
 public:
  explicit Kernels(const Json& cases)
      : cases_(cases), seconds_(cases.at("seconds")), elements_(cases.at("elements")) {
    for (std::uint64_t i = 0; i < 2 * sets; ++i) arrays_.push_back(normal({elements_}, i));
  }

  void time_all() const {
    const std::int64_t e = elements_, columns = cases_.at("columns"), rows = e / columns;
    const double n = static_cast<double>(e);
    const Shape flat{e}, matrix{rows, columns}, row{columns};
    const auto unary = [&](const char* name, Tensor (*f)(const Tensor&), double backward = 0) {
      time({name, {flat}, [f](const Tensors& x) { return f(x[0]); }, 2 * n, backward});
    };
    const auto binary = [&](const char* name, Tensor (*f)(const Tensor&, const Tensor&), const Shape& second,
                            double forward, double backward = 0) {
      time({name, {matrix, second}, [f](const Tensors& x) { return f(x[0], x[1]); }, forward, backward});
    };
    const auto of_rows = [&](const char* name, Function f, double backward = 0) {
      time({name, {matrix}, std::move(f), 2 * n, backward});
    };

    unary("copy", [](const Tensor& x) { return x.clone(); });
    unary("exp", exp, 3 * n);
    unary("gelu", gelu, 3 * n);
    binary("add", add, matrix, 3 * n);
    binary("add a row", add, row, 2 * n);
    binary("mul", mul, matrix, 3 * n, 5 * n);
    time({"where", {flat, flat, flat}, [](const Tensors& x) { return where(x[0], x[1], x[2]); }, 4 * n});
    of_rows("cast to float64 and back", [](const Tensors& x) { return cast(cast(x[0], float64), float32); });

    time({"sum", {matrix}, [](const Tensors& x) { return sum(x[0]); }, n});
    time({"sum of each row", {matrix}, [](const Tensors& x) { return sum(x[0], 1); }, n});
    time({"sum of each column", {matrix}, [](const Tensors& x) { return sum(x[0], 0); }, n});
    time({"max of each row", {matrix}, [](const Tensors& x) { return max(x[0], 1); }, n});
    time({"logsumexp of each row", {matrix}, [](const Tensors& x) { return logsumexp(x[0], 1); }, n});
    of_rows("cumsum of each row", [](const Tensors& x) { return cumsum(x[0]); });

    const std::int64_t k = cases_.at("k");
    of_rows(
        "softmax", [](const Tensors& x) { return softmax(x[0]); }, 3 * n);
    of_rows(
        "log_softmax", [](const Tensors& x) { return log_softmax(x[0]); }, 3 * n);
    of_rows("topk_softmax", [k](const Tensors& x) { return topk_softmax(x[0], k); });
    time({"layer_norm",
          {matrix, row, row},
          [](const Tensors& x) { return layer_norm(x[0], x[1], x[2]); },
          2 * n,
          3 * n});
    time({"rms_norm", {matrix, row}, [](const Tensors& x) { return rms_norm(x[0], x[1]); }, 2 * n, 3 * n});
    Generator generator(1);
    std::vector<std::int64_t> labels, order;
    for (std::int64_t i = 0; i < rows; ++i) {
      labels.push_back(static_cast<std::int64_t>(generator.uniform() * static_cast<double>(columns)));
      order.push_back(i);
    }
    time({"cross_entropy",
          {matrix},
          [targets = Indices(labels)](const Tensors& x) { return cross_entropy(x[0], targets); },
          n,
          2 * n});

    const Shape pictures{e / 4096, 64, 64};
    time({"max_pool2d, 2 x 2",
          {pictures},
          [](const Tensors& x) { return max_pool2d(x[0], 2); },
          1.25 * n,
          2.25 * n});
    time({"avg_pool2d, 2 x 2",
          {pictures},
          [](const Tensors& x) { return avg_pool2d(x[0], 2); },
          1.25 * n,
          1.25 * n});

    of_rows("transpose", [](const Tensors& x) { return transpose(x[0], 0, 1); });
    of_rows(
        "rotary",
        [=](const Tensors& x) {
          return rotary(reshape(x[0], {1, rows, columns}));
        },
        2 * n);
    const Shape half{rows / 2, columns};
    time({"concat", {half, half}, [](const Tensors& x) { return concat(x); }, 2 * n});
    for (std::size_t i = order.size() - 1; i > 0; --i) std::swap(order[i], order[generator.bits() % (i + 1)]);
    of_rows(
        "gather rows (backward: with the host's sort)",
        [picks = Indices(order)](const Tensors& x) { return gather(x[0], picks); }, 2 * n);
    time_adam();
  }

  // Rows of each length, to see how the length affects a kernel that keeps the k largest.
  void time_sparse_softmax() const {
    const std::int64_t k = cases_.at("k");
    const auto time_rows = [&](std::int64_t length, double deviation, const Kernels& arrays) {
      const Kernel kernel{"sparse_softmax",
                          {{elements_ / length, length}},
                          [k](const Tensors& x) { return sparse_softmax(x[0], k); },
                          2.0 * static_cast<double>(elements_),
                          2.0 * static_cast<double>(elements_)};  // dy is read only where p is not 0
      arrays.time(kernel, {{"length", length}, {"k", k}, {"deviation", deviation}});
    };
    for (const std::int64_t length : cases_.at("row_lengths")) time_rows(length, 1, *this);
    for (const double deviation : cases_.at("deviations")) {
      Kernels scaled = *this;
      for (Tensor& array : scaled.arrays_) array = array * deviation;
      time_rows(cases_.at("deviations_row_length"), deviation, scaled);
    }
  }

 private:
  // The inputs of a run. For the shape of a whole array the arrays take turns; smaller inputs are drawn.
  Tensors inputs_of(const Kernel& kernel, int set) const {
    Tensors inputs;
    for (const Shape& shape : kernel.inputs) {
      const std::size_t j = inputs.size();
      inputs.push_back(count(shape) == elements_
                           ? arrays_[(static_cast<std::size_t>(set) + sets * j) % arrays_.size()].view(shape)
                           : normal(shape, 100 + j));
    }
    return inputs;
  }

  void time(const Kernel& kernel, const Json& more = Json::object()) const {
    std::vector<Tensors> inputs;
    for (int set = 0; set < sets; ++set) inputs.push_back(inputs_of(kernel, set));
    const auto line = [&](const char* part, double traffic) {
      Json about{
          {"name", kernel.name}, {"part", part}, {"shape", text(kernel.inputs[0])}, {"bytes", 4 * traffic}};
      about.update(more);
      return about;
    };
    print_measured("kernels", line("forward", kernel.forward_traffic), [&] {
      return time_on_device(seconds_,
                            [&](int run) { kernel.f(inputs[static_cast<std::size_t>(run % sets)]); });
    });
    if (kernel.backward_traffic == 0) return;
    print_measured("kernels", line("backward", kernel.backward_traffic), [&] {
      Tape tape;
      Tensors results;
      for (Tensors& set : inputs) {
        for (Tensor& input : set) input.requires_grad();
        results.push_back(kernel.f(set));
      }
      const Tensor cotangent = normal(results[0].shape(), 99);
      return time_on_device(seconds_, [&](int run) {
        const auto set = static_cast<std::size_t>(run % sets);
        tape.gradient(results[set], inputs[set], {.keep_graph = true, .cotangent = cotangent});
      });
    });
  }

  // Reads the gradient, reads and writes the parameter and both moments.
  void time_adam() const {
    const Json about{{"name", "adam"},
                     {"part", "step"},
                     {"shape", text(Shape{elements_})},
                     {"bytes", 4 * 7.0 * static_cast<double>(elements_)}};
    print_measured("kernels", about, [&] {
      Tensor parameter = arrays_[0].clone().requires_grad();
      {
        Tape tape;
        tape.backward(neg(parameter), {.cotangent = arrays_[1]});
      }
      optim::Adam adam({parameter});
      return time_on_device(seconds_, [&](int) { adam.step(); });
    });
  }

  const Json& cases_;
  double seconds_;
  std::int64_t elements_;
  Tensors arrays_;
};

}  // namespace

void time_kernels(const Json& cases) {
  const Kernels kernels(cases);
  kernels.time_all();
  kernels.time_sparse_softmax();
}

}  // namespace bench
