// Central differences against the tape.
#include <taper/core/create.hpp>
#include <taper/core/device_memory.hpp>
#include <taper/core/fail.hpp>
#include <taper/core/gradcheck.hpp>
#include <taper/core/random.hpp>
#include <taper/core/tape.hpp>

#include <algorithm>
#include <cmath>
#include <optional>
#include <ostream>

namespace taper {
namespace {

using Tensors = std::vector<Tensor>;
using ManyToMany = std::function<Tensors(const Tensors&)>;

// v . f(x), in the widest type at hand: the differences cancel most of its digits.
long double project(const Tensors& outputs, const Tensors& cotangents) {
  long double sum = 0;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Tensor output = outputs[i].detach().to(Device::cpu()), cotangent = cotangents[i].to(Device::cpu());
    const double *y = output.data<double>(), *v = cotangent.data<double>();
    for (std::int64_t j = 0; j < outputs[i].size(); ++j) sum += static_cast<long double>(y[j]) * v[j];
  }
  return sum;
}

struct Differences {
  double central;
  double jump;  // by how much the one-sided differences disagree
};

class Checker {
 public:
  Checker(const ManyToMany& f, const Tensors& inputs, const GradcheckOptions& options)
      : f_(f), options_(options) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i].dtype() != float64)
        fail("gradcheck", "inputs[", i, "] must be float64, got ", inputs[i].dtype());
      inputs_.push_back(inputs[i].clone().requires_grad());
    }
  }

  GradcheckReport run() {
    const Tensors analytic = analytic_gradients();
    GradcheckReport report;
    report.tolerance = options_.tolerance;
    for (std::size_t i = 0; i < inputs_.size(); ++i) check(i, analytic[i], report);
    std::stable_sort(report.elements.begin(), report.elements.end(),
                     [](const auto& a, const auto& b) { return worse(a.error, b.error); });
    return report;
  }

 private:
  // NaN is worse than any number.
  static bool worse(double a, double b) { return std::isnan(a) ? !std::isnan(b) : a > b; }

  Tensors analytic_gradients() {
    Tape tape;
    const Tensors outputs = f_(inputs_);
    Generator generator(1);
    Tensors gradients;
    for (const Tensor& input : inputs_) gradients.push_back(zeros(input.shape(), float64));
    for (const Tensor& output : outputs) {
      if (output.dtype() != float64)
        fail("gradcheck", "the function must return float64, got ", output.dtype());
      cotangents_.push_back(uniform(output.shape(), 0.5, 1.5, generator, output.kind()));
      if (!Tape::tracks(output)) continue;  // a constant: its gradient is zero
      const Tensors parts =
          tape.gradient(output, inputs_, {.keep_graph = true, .cotangent = cotangents_.back()});
      for (std::size_t i = 0; i < parts.size(); ++i) {
        const Tensor host = parts[i].to(Device::cpu());
        const double* part = host.data<double>();
        double* sum = gradients[i].mutable_data<double>();
        for (std::int64_t j = 0; j < parts[i].size(); ++j) sum[j] += part[j];
      }
    }
    return gradients;
  }

  static void put(Tensor& input, std::int64_t i, double value) {
    if (input.device().is_cpu()) {
      input.mutable_data<double>()[i] = value;
    } else {
      const detail::DeviceMemory& memory = detail::device_memory("gradcheck", input.device());
      memory.to_device(&value, input.impl().data + i * std::int64_t{sizeof value}, sizeof value);
    }
  }

  // Of f with respect to element i of `input`, which is x.
  Differences differences(Tensor& input, std::int64_t i, double x, double step) const {
    const double h = step * std::max(1.0, std::abs(x));
    const auto at = [&](double value) {
      put(input, i, value);
      return project(f_(inputs_), cotangents_);
    };
    const Tape::Recording off(nullptr);
    const long double right = at(x + h), left = at(x - h), middle = at(x);  // the last call restores x
    const double width_right = (x + h) - x, width_left = x - (x - h);
    return {static_cast<double>((right - left) / (width_right + width_left)),
            std::abs(static_cast<double>((right - middle) / width_right - (middle - left) / width_left))};
  }

  void check(std::size_t argument, const Tensor& analytic, GradcheckReport& report) {
    Tensor& input = inputs_[argument];
    const std::vector<double> elements = input.to_vector();
    const double* gradient = analytic.data<double>();
    std::vector<GradcheckReport::Element> compared;
    double scale = 1e-3;
    for (std::int64_t i = 0; i < input.size(); ++i) {
      const double x = elements[static_cast<std::size_t>(i)];
      Differences found = differences(input, i, x, options_.step);
      bool kink = false;
      if (found.jump > 1e-4 * std::max(1.0, std::abs(found.central))) {
        // Curvature makes the one-sided differences disagree in proportion to the step, a kink at x whatever
        // the step.
        const Differences finer = differences(input, i, x, options_.step / 16);
        kink = finer.jump > found.jump / 2;
        found = finer;
      }
      GradcheckReport::Element element{argument, index_of(i, input.shape()), gradient[i], found.central,
                                       std::abs(gradient[i] - found.central)};
      if (kink) {
        report.kinks.push_back(element);
      } else {
        compared.push_back(element);
        for (double value : {element.analytic, element.numeric}) {
          if (std::isfinite(value)) scale = std::max(scale, std::abs(value));
        }
      }
    }
    for (GradcheckReport::Element& element : compared) {
      element.error /= scale;
      report.elements.push_back(element);
    }
  }

  static Shape index_of(std::int64_t flat, const Shape& shape) {
    Shape index = shape;
    for (int axis = shape.size() - 1; axis >= 0; --axis) {
      index[axis] = flat % shape[axis];
      flat /= shape[axis];
    }
    return index;
  }

  const ManyToMany& f_;
  const GradcheckOptions& options_;
  Tensors inputs_, cotangents_;
};

}  // namespace

std::ostream& operator<<(std::ostream& out, const GradcheckReport& report) {
  constexpr std::size_t most = 10;
  const auto print = [&](const char* what, const auto& elements, std::size_t count) {
    for (std::size_t i = 0; i < std::min(count, most); ++i) {
      const GradcheckReport::Element& e = elements[i];
      out << "\n  " << what << "argument " << e.argument << " at " << e.index << ": tape " << e.analytic
          << ", central difference " << e.numeric << ", error " << e.error;
    }
    if (count > most) out << "\n  … and " << count - most << " more";
  };
  const auto failures = static_cast<std::size_t>(
      std::count_if(report.elements.begin(), report.elements.end(),
                    [&](const auto& element) { return !(element.error <= report.tolerance); }));
  if (failures) {
    out << "gradcheck FAILED: " << failures << " of " << report.elements.size()
        << " elements differ by more than " << report.tolerance;
    print("", report.elements, failures);
  } else {
    out << "gradcheck passed: " << report.elements.size() << " elements";
    if (!report.elements.empty()) out << ", largest error " << report.elements.front().error;
  }
  if (!report.kinks.empty()) {
    out << "\n  left out, at a kink: " << report.kinks.size();
    print("kink: ", report.kinks, report.kinks.size());
  }
  return out;
}

GradcheckReport gradcheck(const MultiFunction& f, const Tensors& inputs, const GradcheckOptions& options) {
  const ManyToMany many = [&f](const Tensors& x) { return Tensors{f(x)}; };
  return Checker(many, inputs, options).run();
}

GradcheckReport gradcheck(const Function& f, const Tensor& input, const GradcheckOptions& options) {
  return gradcheck([&f](const Tensors& x) { return f(x[0]); }, Tensors{input}, options);
}

GradcheckReport gradgradcheck(const MultiFunction& f, const Tensors& inputs,
                              const GradcheckOptions& options) {
  const ManyToMany pull_back = [&f](const Tensors& x_and_v) {
    std::optional<Tape> own;  // while the differences are taken, no tape records
    Tape& tape = Tape::recording() ? *Tape::recording() : own.emplace();
    const Tensors x(x_and_v.begin(), x_and_v.end() - 1);
    const Tensor y = f(x);
    if (Tape::tracks(y)) return tape.gradient(y, x, {.create_graph = true, .cotangent = x_and_v.back()});
    Tensors none;
    for (const Tensor& input : x) none.push_back(zeros(input.shape(), input.kind()));
    return none;
  };
  Tensors x_and_v = inputs;
  {
    const Tape::Recording off(nullptr);
    Generator generator(2);
    const Tensor y = f(inputs);
    x_and_v.push_back(uniform(y.shape(), 0.5, 1.5, generator, y.kind()));
  }
  return Checker(pull_back, x_and_v, options).run();
}

GradcheckReport gradgradcheck(const Function& f, const Tensor& input, const GradcheckOptions& options) {
  return gradgradcheck([&f](const Tensors& x) { return f(x[0]); }, Tensors{input}, options);
}

}  // namespace taper
