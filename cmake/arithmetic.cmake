# Ends the configuration if the flags, which may be a parent project's, give up IEEE arithmetic: NaN, infinities and signed
# zeros would silently give other results. (core/dtype.hpp refuses the same where a program includes Taper.)
get_directory_property(flags COMPILE_OPTIONS)
foreach(kind IN ITEMS CXX_FLAGS CUDA_FLAGS EXE_LINKER_FLAGS SHARED_LINKER_FLAGS)
  list(APPEND flags ${CMAKE_${kind}})
  foreach(config IN LISTS CMAKE_BUILD_TYPE CMAKE_CONFIGURATION_TYPES)
    string(TOUPPER ${config} config)
    list(APPEND flags ${CMAKE_${kind}_${config}})
  endforeach()
endforeach()
string(REGEX REPLACE ".*-fno-fast-math" "" flags "${flags}")  # which takes back what stands before it
if(flags MATCHES "-Ofast|-ffast-math|-f(unsafe-math-optimizations|finite-math-only|associative-math|reciprocal-math|approx-func)|\
-fno-(signed-zeros|honor-nans|honor-infinities)|-ffp-model=(fast|aggressive)|-fsingle-precision-constant|-mdaz-ftz|\
-use_fast_math|-ftz=true|-prec-(div|sqrt)=false")
  message(FATAL_ERROR "Taper needs IEEE arithmetic: take ${CMAKE_MATCH_0} out of the compiler's flags")
endif()
