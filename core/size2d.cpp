// Size2d: how it is written.
#include "size2d.hpp"

#include "text.hpp"

#include <ostream>

namespace taper {

std::ostream& operator<<(std::ostream& out, const Size2d& size) {
  return out << internal::text('{', size.height, ", ", size.width, '}');
}

}  // namespace taper
