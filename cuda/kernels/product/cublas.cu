// Loads cuBLAS. (The emulator has functions of its own in place of this file.)
#include "../../../core/fail.hpp"
#include "cublas.hpp"

#include <dlfcn.h>

namespace taper::cuda {
namespace {

// Found by the loader's rules, or else where it was when Taper was built. Stays loaded until
// the program ends.
void* library() {
  for (const char* name : {TAPER_CUBLAS_NAME, TAPER_CUBLAS_FOLDER "/" TAPER_CUBLAS_NAME}) {
    if (void* const found = dlopen(name, RTLD_NOW | RTLD_LOCAL)) return found;
  }
  fail("multiply", "cuBLAS can't be loaded: ", dlerror());
}

template <class Function>
void find(void* library, const char* name, Function*& function) {
  function = reinterpret_cast<Function*>(dlsym(library, name));
  if (!function) fail("multiply", "cuBLAS lacks a function: ", dlerror());
}

Cublas load() {
  void* const from = library();
  Cublas functions{};
  find(from, "cublasCreate_v2", functions.create);
  find(from, "cublasSetStream_v2", functions.set_stream);
  find(from, "cublasSetWorkspace_v2", functions.set_workspace);
  find(from, "cublasSetMathMode", functions.set_math_mode);
  find(from, "cublasSgemmStridedBatched_64", functions.sgemm);
  find(from, "cublasDgemmStridedBatched_64", functions.dgemm);
  find(from, "cublasGetStatusString", functions.status_string);
  return functions;
}

}  // namespace

const Cublas& cublas() {
  static const Cublas functions = load();
  return functions;
}

}  // namespace taper::cuda
