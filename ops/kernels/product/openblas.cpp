// OpenBLAS as a whole: its threads, and what it has for this processor.
#include "openblas.hpp"

#include <string_view>

extern "C" {
void openblas_set_num_threads(int count);
char* openblas_get_corename();
}

namespace taper::kernels {

void make_openblas_single_threaded() {
  static const bool done = (openblas_set_num_threads(1), true);
  static_cast<void>(done);
}

bool has_kernels_for_slices() {
  static const bool has = [] {
    const std::string_view core = openblas_get_corename();
    return core == "SkylakeX" || core == "Cooperlake" || core == "SapphireRapids";
  }();
  return has;
}

}  // namespace taper::kernels
