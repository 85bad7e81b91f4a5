// Mlp: initialisation and forward.
#include "mlp.hpp"

#include "../../core/fail.hpp"
#include "../../ops/activation/gelu.hpp"

namespace taper::nn {
namespace {

std::int64_t checked_width(std::int64_t width, std::int64_t hidden, std::int64_t outputs) {
  if (width < 1 || hidden < 1 || outputs < 0) {
    fail("Mlp", "wanted width and hidden of at least 1 and outputs of at least 0, got ", width, ", ", hidden,
         " and ", outputs);
  }
  return width;
}

}  // namespace

Mlp::Mlp(std::int64_t width, std::int64_t hidden, Generator& generator, const MlpOptions& options)
    : hidden(checked_width(width, hidden, options.outputs), hidden, generator,
             {.bias = options.bias, .dtype = options.dtype}),
      output(hidden, options.outputs == 0 ? width : options.outputs, generator,
             {.bias = options.bias, .dtype = options.dtype}) {}

Tensor Mlp::operator()(const Tensor& x) const {
  const Scope scope = Scope::outermost("Mlp");
  return call("output", output, gelu(call("hidden", hidden, x)));
}

void Mlp::list(Parts& parts) const {
  parts.add("hidden", hidden);
  parts.add("output", output);
}

}  // namespace taper::nn
