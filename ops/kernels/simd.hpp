// Which instruction sets the vectorised kernels are compiled for: on x86-64 the baseline, SSE4, AVX2 and
// AVX-512, and the best of them that the machine has is chosen at run time. To be included first in a file
// that <hwy/foreach_target.h> repeats.
#pragma once

// What no machine that runs Taper has as its best. SVE's vectors have no size, so that they cannot stand in
// arrays.
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
