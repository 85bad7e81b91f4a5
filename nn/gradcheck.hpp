// gradcheck of a whole model: its loss against differences in each parameter, by name.
#pragma once

#include "../core/gradcheck/gradcheck.hpp"
#include "module.hpp"

#include <functional>

namespace taper {

// Checks the gradient of loss() with respect to every parameter of the model, which the report calls by its
// name: "blocks.2.attention.key.weight[3, 2]". Parameters are changed in place, and come back bit for bit,
// also if loss throws. loss has to be a function of the parameters alone: call model.eval(), or draw
// Dropout's masks from the same generator state in each call. Throws if the model has no parameters, and as
// the gradcheck of tensors does.
//
// A float32 model is checked as its float64 twin: for the time of the check it is converted in place
// (Module::to), and then back, which is exact. Its loss has to follow, so such a model needs the
// form with data.
GradcheckReport gradcheck(const nn::Module& model, const std::function<Tensor()>& loss,
                          const GradcheckOptions& options = {});
// The same with data that loss is called with, in float64. No gradient with respect to it is checked.
GradcheckReport gradcheck(const nn::Module& model, const MultiFunction& loss, const std::vector<Tensor>& data,
                          const GradcheckOptions& options = {});

}  // namespace taper
