// What ops/kernels/product calls of OpenBLAS beside the products, for a BLAS that has nothing but those: one thread, and no
// processor that it knows better than others. Hidden, for an OpenBLAS that another part of the program brings along.
#include <cstddef>

#pragma GCC visibility push(hidden)
extern "C" {

// to = factor from^T, the one form that is called.
void cblas_somatcopy(int, int, int rows, int columns, float factor, const float* from, int from_stride,
                     float* to, int to_stride) {
  for (std::ptrdiff_t i = 0; i < rows; ++i) {
    for (std::ptrdiff_t j = 0; j < columns; ++j) to[j * to_stride + i] = factor * from[i * from_stride + j];
  }
}

void openblas_set_num_threads(int) {}
int openblas_get_num_threads() { return 1; }
int openblas_get_parallel() { return 1; }  // several threads may call it at once
const char* openblas_get_corename() { return "unknown"; }

}  // extern "C"
#pragma GCC visibility pop
