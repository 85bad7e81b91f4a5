// The functions that elementwise ops apply, once for all devices. map() runs one that is in the list
// Functions on every device, and any other on the CPU alone.
#pragma once

#include "../../../core/host_device.hpp"

#include <cmath>
#include <type_traits>

namespace taper::kernels {
namespace functions {

// One line each, of which clang-format would make six. NaN gives NaN unless the comment says otherwise.
// clang-format off
struct Identity { template <class T> TAPER_HOST_DEVICE T operator()(T x) const { return x; } };
struct Negate { template <class T> TAPER_HOST_DEVICE T operator()(T x) const { return -x; } };
struct Abs { template <class T> TAPER_HOST_DEVICE T operator()(T x) const { return std::abs(x); } };
struct Sign { template <class T> TAPER_HOST_DEVICE T operator()(T x) const { return x > 0 ? 1 : x < 0 ? -1 : x; } };
struct Square { template <class T> TAPER_HOST_DEVICE T operator()(T x) const { return x * x; } };
struct Sqrt { template <class T> TAPER_HOST_DEVICE T operator()(T x) const { return std::sqrt(x); } };
struct Exp { template <class T> TAPER_HOST_DEVICE T operator()(T x) const { return std::exp(x); } };
struct Log { template <class T> TAPER_HOST_DEVICE T operator()(T x) const { return std::log(x); } };
struct Log1p { template <class T> TAPER_HOST_DEVICE T operator()(T x) const { return std::log1p(x); } };
struct Expm1 { template <class T> TAPER_HOST_DEVICE T operator()(T x) const { return std::expm1(x); } };
struct Sin { template <class T> TAPER_HOST_DEVICE T operator()(T x) const { return std::sin(x); } };
struct Cos { template <class T> TAPER_HOST_DEVICE T operator()(T x) const { return std::cos(x); } };
struct Erf { template <class T> TAPER_HOST_DEVICE T operator()(T x) const { return std::erf(x); } };
struct Tanh { template <class T> TAPER_HOST_DEVICE T operator()(T x) const { return std::tanh(x); } };
struct Relu { template <class T> TAPER_HOST_DEVICE T operator()(T x) const { return x < 0 ? 0 : x; } };

struct Add { template <class T> TAPER_HOST_DEVICE T operator()(T x, T y) const { return x + y; } };
struct Subtract { template <class T> TAPER_HOST_DEVICE T operator()(T x, T y) const { return x - y; } };
struct Multiply { template <class T> TAPER_HOST_DEVICE T operator()(T x, T y) const { return x * y; } };
struct Divide { template <class T> TAPER_HOST_DEVICE T operator()(T x, T y) const { return x / y; } };
struct Power { template <class T> TAPER_HOST_DEVICE T operator()(T x, T y) const { return std::pow(x, y); } };
struct Maximum { template <class T> TAPER_HOST_DEVICE T operator()(T x, T y) const { return x > y || x != x ? x : y; } };
struct Minimum { template <class T> TAPER_HOST_DEVICE T operator()(T x, T y) const { return x < y || x != x ? x : y; } };
struct Where { template <class T> TAPER_HOST_DEVICE T operator()(T c, T x, T y) const { return c != 0 ? x : y; } };
struct LeakyRelu { template <class T> TAPER_HOST_DEVICE T operator()(T x, T slope) const { return x > 0 ? x : slope * x; } };
struct Elu { template <class T> TAPER_HOST_DEVICE T operator()(T x, T alpha) const { return x > 0 ? x : alpha * std::expm1(x); } };

// 1 if the condition holds, else 0; a NaN is not 0 and equals nothing.
struct IsNotZero { template <class T> TAPER_HOST_DEVICE T operator()(T x) const { return x != 0; } };
// The places at which pow has no derivatives by y.
struct IgnoresExponent { template <class T> TAPER_HOST_DEVICE T operator()(T x, T y) const { return x == 0 && y >= 0; } };
struct AreEqual { template <class T> TAPER_HOST_DEVICE T operator()(T x, T y) const { return x == y; } };
struct AreUnequal { template <class T> TAPER_HOST_DEVICE T operator()(T x, T y) const { return x != y; } };
struct Less { template <class T> TAPER_HOST_DEVICE T operator()(T x, T y) const { return x < y; } };
struct LessEqual { template <class T> TAPER_HOST_DEVICE T operator()(T x, T y) const { return x <= y; } };
struct Greater { template <class T> TAPER_HOST_DEVICE T operator()(T x, T y) const { return x > y; } };
struct GreaterEqual { template <class T> TAPER_HOST_DEVICE T operator()(T x, T y) const { return x >= y; } };
struct IsWithin { template <class T> TAPER_HOST_DEVICE T operator()(T x, T low, T high) const { return x >= low ? T(x <= high) : T(0); } };
// An element of a mask as it is, or NaN if it is neither 0 nor 1.
struct MaskElement { template <class T> TAPER_HOST_DEVICE T operator()(T x) const { return x == 0 || x == 1 ? x : T(NAN); } };
// The slope of relu, which lets a NaN pass.
struct PassesRelu { template <class T> TAPER_HOST_DEVICE T operator()(T x) const { return !(x <= 0); } };
// The same, but NaN for NaN.
struct IsPositive { template <class T> TAPER_HOST_DEVICE T operator()(T x) const { return x != x ? x : x > 0; } };
// The slopes of leaky_relu and elu. NaN has that of its formula's last case.
struct LeakyReluSlope { template <class T> TAPER_HOST_DEVICE T operator()(T x, T slope) const { return x > 0 ? T(1) : slope; } };
struct EluSlope { template <class T> TAPER_HOST_DEVICE T operator()(T x, T alpha) const { return x <= 0 ? alpha * std::exp(x) : T(1); } };
// clang-format on

// x y, but 0 for 0 * inf: whichever factor is 0 vanishes faster than the other grows.
struct MultiplyToZero {
  template <class T>
  TAPER_HOST_DEVICE T operator()(T x, T y) const {
    const T product = x * y;
    return product == product || x != x || y != y ? product : T(0);
  }
};
// The weight of the first argument of a maximum: 1/2 at a tie, NaN if one of the two is NaN.
struct MaximumWeight {
  template <class T>
  TAPER_HOST_DEVICE T operator()(T x, T y) const {
    return x > y ? T(1) : x < y ? T(0) : x == y ? T(0.5) : x + y;
  }
};
// Triangles of matrices: x from column `row` on, and 0 before, whatever x is.
struct KeepFrom {
  template <class T>
  TAPER_HOST_DEVICE T operator()(T x, T row, T column) const {
    return column >= row ? x : T(0);
  }
};
// In two steps, which a compiler makes a minimum and a maximum of; likewise IsWithin, which has no &&.
struct Clamp {
  template <class T>
  TAPER_HOST_DEVICE T operator()(T x, T low, T high) const {
    const T raised = x < low ? low : x;
    return raised > high ? high : raised;
  }
};
struct Sigmoid {
  template <class T>
  TAPER_HOST_DEVICE T operator()(T x) const {
    const T e = std::exp(-std::abs(x));  // at most 1
    // 1 for x >= 0, else e, as a maximum: a branch on signs that can't be predicted takes as long as exp.
    const T one_or_0 = x >= 0;
    return (one_or_0 > e ? one_or_0 : e) / (T(1) + e);
  }
};
// log(1 + e^x), and log(1 / (1 + e^-x)).
struct Softplus {
  template <class T>
  TAPER_HOST_DEVICE T operator()(T x) const {
    return (x > 0 ? x : T(0)) + std::log1p(std::exp(-std::abs(x)));
  }
};
struct LogSigmoid {
  template <class T>
  TAPER_HOST_DEVICE T operator()(T x) const {
    return (x < 0 ? x : T(0)) - std::log1p(std::exp(-std::abs(x)));
  }
};
// x s, and its slope s + x s (1 - s), for s = sigmoid(x). Either factor of x vanishes faster than x grows: 0
// in place of inf * 0.
struct Silu {
  template <class T>
  TAPER_HOST_DEVICE T operator()(T x) const {
    const T s = Sigmoid()(x);
    return s == 0 ? T(0) : x * s;
  }
};
struct SiluSlope {
  template <class T>
  TAPER_HOST_DEVICE T operator()(T x) const {
    const T e = std::exp(-std::abs(x)), u = T(1) / (T(1) + e);
    const T slope = e * u * u;  // of the sigmoid
    return (x >= 0 ? u : e * u) + (slope == 0 ? T(0) : x * slope);
  }
};

// x Phi(x), and its slope times dy, as in ../activation/gelu.hpp, but in float32's far tail (x = -13) with a
// relative error of up to 1.1e-5, since there the rounding of x / sqrt(2) counts. On the CPU the loops beside
// that file are faster.
struct Gelu {
  template <class T>
  TAPER_HOST_DEVICE T operator()(T x) const {
    const T tail = std::erfc(x * T(-0.70710678118654752440)) / 2;
    return tail == 0 ? T(0) : x * tail;
  }
};
struct GeluVjp {
  template <class T>
  TAPER_HOST_DEVICE T operator()(T x, T dy) const {
    const T density = std::exp(x * x / -2) * T(0.39894228040143267794);
    const T slope = std::erfc(x * T(-0.70710678118654752440)) / 2 + (density == 0 ? T(0) : x * density);
    return dy * slope;
  }
};

}  // namespace functions

template <class... F>
struct FunctionList {
  static constexpr int size = sizeof...(F);

  // The place of a function in the list, -1 if it is not there.
  template <class G>
  static constexpr int index_of() {
    int index = 0, found = -1;
    ((found = std::is_same_v<F, G> ? index : found, ++index), ...);
    return found;
  }
};

using Functions = FunctionList<
    functions::Identity, functions::Abs, functions::Sign, functions::Exp, functions::Expm1, functions::Log,
    functions::Log1p, functions::Sin, functions::Cos, functions::Erf, functions::Negate, functions::Sqrt,
    functions::Square, functions::Relu, functions::LeakyRelu, functions::LeakyReluSlope, functions::Elu,
    functions::EluSlope, functions::Sigmoid, functions::LogSigmoid, functions::Softplus, functions::Silu,
    functions::SiluSlope, functions::Tanh, functions::Gelu, functions::GeluVjp, functions::MaskElement,
    functions::IsNotZero, functions::PassesRelu, functions::IsPositive, functions::AreEqual,
    functions::AreUnequal, functions::IgnoresExponent, functions::Less, functions::LessEqual,
    functions::Greater, functions::GreaterEqual, functions::IsWithin, functions::Add, functions::Subtract,
    functions::Multiply, functions::Divide, functions::Power, functions::Maximum, functions::MaximumWeight,
    functions::Minimum, functions::Clamp, functions::Where, functions::KeepFrom, functions::MultiplyToZero>;

}  // namespace taper::kernels
