// The name of a type, for messages and for printing models.
#pragma once

#include <string>
#include <typeinfo>

namespace taper::internal {

// As in the source: "taper::nn::Linear".
std::string type_name(const std::type_info& type);

// The same without the namespaces and functions around it: "Linear".
std::string short_type_name(const std::type_info& type);

}  // namespace taper::internal
