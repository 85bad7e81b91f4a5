# The CUDA back end, as TAPER_CUDA says: compiled by nvcc (ON), compiled by the C++ compiler against the emulator of
# cuda/emulator (EMULATED), or replaced by a stub (OFF).

# cuda/ announces its memory to core, and core names nothing in cuda/. So a program has to link cuda/ even if it calls no op.
if(NOT BUILD_SHARED_LIBS)
  set(link_cuda -u,_ZN5taper7kernels12cuda_backendEv)
  target_link_options(taper INTERFACE LINKER:${link_cuda})
endif()

file(GLOB_RECURSE cuda_sources CONFIGURE_DEPENDS cuda/*.cu)

# Without fused multiply-adds these kernels give the CPU's bits, and they have to wait for memory anyway. In normalize.cu
# a fused gain * dy - mean would not be 0 if the mean is that product, and it is multiplied by 1 / sqrt(epsilon) afterwards.
set(sources_without_contraction elementwise/map.cu norm/normalize.cu attention/rotary.cu optim/updates.cu)
list(TRANSFORM sources_without_contraction PREPEND ${PROJECT_SOURCE_DIR}/cuda/kernels/)

if(TAPER_CUDA STREQUAL EMULATED)
  find_package(Boost REQUIRED COMPONENTS context)
  list(FILTER cuda_sources EXCLUDE REGEX "/cublas\\.cu$")
  file(GLOB emulator_sources CONFIGURE_DEPENDS cuda/emulator/*.cpp)
  add_library(taper_cuda OBJECT ${cuda_sources} ${emulator_sources})
  set_property(TARGET taper_cuda PROPERTY CXX_VISIBILITY_PRESET ${visibility})
  set_source_files_properties(${cuda_sources} PROPERTIES LANGUAGE CXX COMPILE_OPTIONS
                                                         "-xc++;-ftrivial-auto-var-init=pattern;-Wno-unknown-pragmas")
  # Under a sanitizer these take a minute to compile if they are optimised.
  set_property(SOURCE ${PROJECT_SOURCE_DIR}/cuda/kernels/elementwise/map.cu ${PROJECT_SOURCE_DIR}/cuda/kernels/softmax/sparse_rows.cu
               APPEND PROPERTY COMPILE_OPTIONS $<$<CONFIG:Debug>:-O0>)
  set_property(SOURCE ${sources_without_contraction} APPEND PROPERTY COMPILE_OPTIONS -ffp-contract=off)
  set_target_properties(taper_cuda PROPERTIES CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF)
  # They are system headers because they stand in for NVIDIA's, whose names no C++ program may define.
  target_include_directories(taper_cuda PRIVATE ${include_dir})
  target_include_directories(taper_cuda SYSTEM PUBLIC cuda/emulator/include)
  target_link_libraries(taper_cuda PRIVATE Boost::context)
  target_compile_options(taper_cuda PRIVATE ${warnings})
  target_sources(taper PRIVATE $<TARGET_OBJECTS:taper_cuda>)
  target_link_libraries(taper PRIVATE $<BUILD_INTERFACE:Boost::context>)
  set(cuda_libraries "-lboost_context ")
elseif(TAPER_CUDA)
  # Each architecture takes a minute to compile. By default it is the one of this machine's GPU; if there is none, the
  # oldest that has all instructions in use, whose code later ones compile for themselves.
  if(NOT CMAKE_CUDA_ARCHITECTURES)
    execute_process(COMMAND nvidia-smi -L RESULT_VARIABLE without_gpu OUTPUT_QUIET ERROR_QUIET)
    if(without_gpu)
      set(CMAKE_CUDA_ARCHITECTURES 80)
    else()
      set(CMAKE_CUDA_ARCHITECTURES native)
    endif()
  endif()
  enable_language(CUDA)
  find_package(CUDAToolkit REQUIRED)
  # CMake 3.25 does not know C++20 for nvcc 13: an object library of its own gets the flag by hand. (If CXX_STANDARD or
  # cxx_std_20 is set, CMake asks the same of CUDA, so neither may be set for this target.)
  add_library(taper_cuda OBJECT ${cuda_sources})
  set_property(TARGET taper_cuda PROPERTY CUDA_VISIBILITY_PRESET ${visibility})
  set_property(SOURCE ${PROJECT_SOURCE_DIR}/cuda/kernels/product/cublas.cu PROPERTY COMPILE_DEFINITIONS
    TAPER_CUBLAS_NAME="libcublas.so.${CUDAToolkit_VERSION_MAJOR}" TAPER_CUBLAS_FOLDER="${CUDAToolkit_LIBRARY_DIR}")
  set_property(SOURCE ${sources_without_contraction} APPEND PROPERTY COMPILE_OPTIONS -fmad=false)
  target_include_directories(taper_cuda PRIVATE ${include_dir})
  target_compile_options(taper_cuda PRIVATE -std=c++20)
  if(PROJECT_IS_TOP_LEVEL)
    target_compile_options(taper_cuda PRIVATE -Xcompiler=-Wall,-Wextra
                                              $<$<BOOL:${TAPER_WERROR}>:-Werror=all-warnings -Xcompiler=-Werror>)
  else()
    target_compile_options(taper_cuda PRIVATE ${warnings})
  endif()
  target_sources(taper PRIVATE $<TARGET_OBJECTS:taper_cuda>)
  set(cuda_libraries "-L\"${CUDAToolkit_LIBRARY_DIR}\" -lcudart_static -ldl -lrt ")
  target_link_libraries(taper PRIVATE $<BUILD_INTERFACE:CUDA::cudart_static> $<BUILD_INTERFACE:${CMAKE_DL_LIBS}>)
else()
  target_sources(taper PRIVATE cuda/stub.cpp)
endif()
