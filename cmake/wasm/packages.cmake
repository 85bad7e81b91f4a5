# For WebAssembly: what library.cmake takes from Debian's packages. xtensor, xtensor-blas, nlohmann_json, Highway and stb
# are headers, and those of any machine will do; README.md says what stands in for the libraries.
set(headers ${PROJECT_BINARY_DIR}/packages)  # not /usr/include itself, whose <stdio.h> is the host's
file(MAKE_DIRECTORY ${headers})
foreach(folder xtensor xtensor-blas xflens xtl hwy nlohmann stb)
  if(NOT EXISTS /usr/include/${folder})
    message(FATAL_ERROR "There is no /usr/include/${folder}: install libxtensor-dev libxtensor-blas-dev libhwy-dev nlohmann-json3-dev libstb-dev")
  endif()
  file(CREATE_LINK /usr/include/${folder} ${headers}/${folder} SYMBOLIC)
endforeach()
foreach(package xtensor xtensor-blas hwy::hwy nlohmann_json::nlohmann_json BLAS::BLAS Threads::Threads)
  add_library(${package} INTERFACE IMPORTED)
endforeach()
target_include_directories(xtensor INTERFACE ${PROJECT_SOURCE_DIR}/cmake/wasm/include ${headers})
set_property(TARGET BLAS::BLAS PROPERTY INTERFACE_SOURCES ${PROJECT_SOURCE_DIR}/cmake/wasm/openblas.cpp
                                                     ${PROJECT_SOURCE_DIR}/cmake/openblas_calls.cpp)
set_property(TARGET Threads::Threads PROPERTY INTERFACE_SOURCES ${PROJECT_SOURCE_DIR}/cmake/wasm/sched.cpp)
set(BLAS_LIBRARIES BLAS::BLAS)
