// Parameters as named inputs of the checker, in float64 for as long as it takes.
#include "gradcheck.hpp"

#include "../core/fail.hpp"

namespace taper {
namespace {

// A model's parameters and buffers in float64; the destructor converts back those that were not.
class Widened {
 public:
  explicit Widened(const nn::Module& model) : tensors_(model.parameters()) {
    for (const auto& [name, buffer] : model.named_buffers()) tensors_.push_back(buffer);
    for (Tensor& tensor : tensors_) {
      dtypes_.push_back(tensor.dtype());
      tensor.move_to(float64);
    }
  }
  ~Widened() {
    for (std::size_t i = 0; i < tensors_.size(); ++i) tensors_[i].move_to(dtypes_[i]);
  }
  Widened(const Widened&) = delete;
  Widened& operator=(const Widened&) = delete;

 private:
  std::vector<Tensor> tensors_;
  std::vector<DType> dtypes_;
};

}  // namespace

GradcheckReport gradcheck(const nn::Module& model, const MultiFunction& loss, const std::vector<Tensor>& data,
                          const GradcheckOptions& options) {
  GradcheckOptions named = options;
  named.names.clear();
  for (const auto& [name, parameter] : model.named_parameters()) named.names.push_back(name);
  if (named.names.empty()) fail("gradcheck", "the model has no parameters");
  std::vector<Tensor> wide;
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (!data[i]) fail("gradcheck", "data[", i, "] is an empty handle");
    wide.push_back(data[i].detach().to(float64));
  }
  const Widened widened(model);
  return gradcheck(MultiFunction([&](const std::vector<Tensor>&) { return loss(wide); }), model.parameters(),
                   named);
}

GradcheckReport gradcheck(const nn::Module& model, const std::function<Tensor()>& loss,
                          const GradcheckOptions& options) {
  return gradcheck(model, MultiFunction([&](const std::vector<Tensor>&) { return loss(); }), {}, options);
}

}  // namespace taper
