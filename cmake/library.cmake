# The library taper::taper, and the one place where its dependencies and compiler flags stand.
if(EMSCRIPTEN)
  include(cmake/wasm/packages.cmake)
else()
  # A parent project may have these targets already, of its own tree even. It gets xtensor's from us, since headers use it.
  if(NOT TARGET xtensor)
    find_package(xtensor REQUIRED GLOBAL)
  endif()
  # The target BLAS::BLAS and that of xtensor-blas, which links it, may be of another BLAS that the parent project found.
  set(TAPER_BLAS OpenBLAS CACHE STRING "A BLAS with the C interface, by its name for CMake's FindBLAS; Generic: libblas, as the reference BLAS")
  set(BLA_VENDOR ${TAPER_BLAS})
  set(BLA_SIZEOF_INTEGER 4)
  find_package(BLAS REQUIRED)
  if(NOT TARGET xtensor-blas)
    find_package(xtensor-blas REQUIRED)
  endif()
  if(NOT TARGET hwy::hwy)
    find_package(hwy REQUIRED)
  endif()
  if(NOT TARGET nlohmann_json::nlohmann_json)
    find_package(nlohmann_json REQUIRED)
  endif()
  find_package(Threads REQUIRED)
  find_path(TAPER_STB_FOLDER stb/stb_image.h REQUIRED)  # for core/io/image.cpp
  mark_as_advanced(TAPER_STB_FOLDER)
endif()

# To add an op, add its pair of files: CMake finds the sources, but none where the path is a pattern to it.
if(PROJECT_SOURCE_DIR MATCHES "[][*?]")
  message(FATAL_ERROR "CMake finds no sources in a folder with one of []*? in its path: ${PROJECT_SOURCE_DIR}")
endif()
file(GLOB_RECURSE sources CONFIGURE_DEPENDS core/*.cpp ops/*.cpp nn/*.cpp)

# Within the library a header is included by its path from the including file. Users, the tests and the examples among them,
# write <taper/core/tensor.hpp>: a folder of links gives the tree the paths that an installed copy has.
set(include_dir ${PROJECT_BINARY_DIR}/include)
file(MAKE_DIRECTORY ${include_dir}/taper)
foreach(part core ops nn cuda)
  file(CREATE_LINK ${PROJECT_SOURCE_DIR}/${part} ${include_dir}/taper/${part} SYMBOLIC)
endforeach()
foreach(header nn/taper.hpp ops/ops.hpp)
  cmake_path(GET header FILENAME name)
  file(CONFIGURE OUTPUT ${include_dir}/taper/${name} CONTENT "#include \"${header}\"  // IWYU pragma: export\n")
endforeach()

# The page of show() and what it says of each op.
set(page_files ${PROJECT_BINARY_DIR}/page_files.cpp)
file(GLOB page_sources CONFIGURE_DEPENDS nn/page/*.html nn/page/*.css nn/page/*.js nn/page/lenses/* ops/*/*.cpp docs/ops/*.md)
add_custom_command(OUTPUT ${page_files} DEPENDS ${page_sources} cmake/embed_page.cmake
                   COMMAND ${CMAKE_COMMAND} -DFOLDER=${PROJECT_SOURCE_DIR}/nn/page -DNAME=page -DOPS=${PROJECT_SOURCE_DIR}
                           -DHEADER=${PROJECT_SOURCE_DIR}/nn/page/page_files.hpp -DOUTPUT=${page_files}
                           -P ${PROJECT_SOURCE_DIR}/cmake/embed_page.cmake VERBATIM)

# The page of training::Page.
set(training_page ${PROJECT_BINARY_DIR}/training_page.cpp)
file(GLOB training_page_sources CONFIGURE_DEPENDS nn/training/page/*)
add_custom_command(OUTPUT ${training_page} DEPENDS ${training_page_sources} nn/page/dom.js cmake/embed_page.cmake
                   COMMAND ${CMAKE_COMMAND} -DFOLDER=${PROJECT_SOURCE_DIR}/nn/training/page -DNAME=training_page
                           -DSHARED=${PROJECT_SOURCE_DIR}/nn/page/dom.js
                           -DHEADER=${PROJECT_SOURCE_DIR}/nn/training/page_files.hpp -DOUTPUT=${training_page}
                           -P ${PROJECT_SOURCE_DIR}/cmake/embed_page.cmake VERBATIM)

# Always position-independent, so that it may become part of a shared object; that shows none of our symbols then. A shared
# library (BUILD_SHARED_LIBS) shows those that library.map lists.
if(NOT EMSCRIPTEN)
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)
endif()
if(BUILD_SHARED_LIBS OR EMSCRIPTEN)
  set(visibility default)
else()
  set(visibility hidden)
endif()
set(CMAKE_UNITY_BUILD OFF)  # what the parent project may want; see TAPER_UNITY below
if(NOT EMSCRIPTEN AND NOT TAPER_BLAS STREQUAL OpenBLAS)
  list(APPEND sources cmake/openblas_calls.cpp)
endif()
add_library(taper ${sources} ${page_files} ${training_page})
add_library(taper::taper ALIAS taper)
set_property(TARGET taper PROPERTY CXX_VISIBILITY_PRESET ${visibility})
if(BUILD_SHARED_LIBS)
  set_target_properties(taper PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  # Calls within the library stay within it.
  target_compile_options(taper PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fno-semantic-interposition>)
  target_link_options(taper PRIVATE LINKER:-Bsymbolic-functions)
  if(NOT TAPER_TESTS)  # they need more than it shows
    target_link_options(taper PRIVATE LINKER:--version-script=${PROJECT_SOURCE_DIR}/cmake/library.map)
    set_property(TARGET taper PROPERTY LINK_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/library.map)
  endif()
endif()
target_compile_features(taper INTERFACE cxx_std_20)
set(standard 20)
if(CMAKE_CXX_STANDARD MATCHES "^2[3-9]$")
  set(standard ${CMAKE_CXX_STANDARD})
endif()
set_target_properties(taper PROPERTIES CXX_STANDARD ${standard} CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF)
target_include_directories(taper PUBLIC $<BUILD_INTERFACE:${include_dir}>)
# Not the target xtensor-blas itself, which links whatever BLAS it finds.
target_include_directories(taper SYSTEM PRIVATE ${TAPER_STB_FOLDER} $<TARGET_PROPERTY:xtensor-blas,INTERFACE_INCLUDE_DIRECTORIES>)
# An installed copy finds them by itself (taperConfig.cmake), since install(EXPORT) refuses targets of the same tree.
target_link_libraries(taper PUBLIC $<BUILD_INTERFACE:xtensor>
                            PRIVATE $<BUILD_INTERFACE:nlohmann_json::nlohmann_json> "$<BUILD_INTERFACE:${BLAS_LIBRARIES}>"
                                    $<BUILD_INTERFACE:hwy::hwy> $<BUILD_INTERFACE:Threads::Threads>)
target_compile_definitions(taper PRIVATE HAVE_CBLAS=1)

# Compiling a file of ops/ spends half of its time on these headers. (tests/projects.py does without, so that every
# file still has to include what it uses.)
target_precompile_headers(taper PRIVATE $<$<COMPILE_LANGUAGE:CXX>:${PROJECT_SOURCE_DIR}/core/fail.hpp>
                                        $<$<COMPILE_LANGUAGE:CXX>:${PROJECT_SOURCE_DIR}/core/record.hpp>
                                        $<$<COMPILE_LANGUAGE:CXX>:${PROJECT_SOURCE_DIR}/ops/kernels/elementwise/elementwise.hpp>)

# The files of a folder are compiled as one, which takes half the time: they include the same headers and instantiate the
# same templates. Hence names in their unnamed namespaces differ: an overload of another file may be preferred without a word.
# Apart stay files that Highway includes again, and the one whose header declares all of CBLAS in its own way. Files that write or
# read JSON are compiled together, those of core and those of nn: its templates take as long as five such files.
if(TAPER_UNITY)
  set_target_properties(taper PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  foreach(source ${sources})
    cmake_path(RELATIVE_PATH source OUTPUT_VARIABLE folder)
    cmake_path(GET folder PARENT_PATH folder)
    file(STRINGS ${source} apart REGEX "foreach_target\\.h|xtensor-blas/")
    file(STRINGS ${source} json REGEX "nlohmann/")
    if(NOT apart)
      string(MAKE_C_IDENTIFIER "${folder}" group)
      if(json)
        string(REGEX REPLACE "_.*" "_json" group ${group})
      endif()
      set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${group})
    endif()
  endforeach()
endif()

# Few loops here go over elements (reading a CSV takes 9 % longer), and without the last optimisations it compiles in little more
# than half the time. Of ops/ these are the families whose loops all stand in ops/kernels. (A source's own options would keep it
# out of its group.)
if(TAPER_UNITY AND CMAKE_CXX_FLAGS_RELEASE MATCHES "-O[23]")
  foreach(group core_gradcheck core_io core_json core_tape nn nn_json nn_layers nn_optim nn_page nn_training ops_attention
          ops_convolution ops_layout ops_norm ops_product ops_recurrent ops_reduction ops_softmax)
    set_source_files_properties(${CMAKE_CURRENT_BINARY_DIR}/CMakeFiles/taper.dir/Unity/unity_${group}_cxx.cxx
                                PROPERTIES COMPILE_OPTIONS $<$<CONFIG:Release>:-O1>)
  endforeach()
endif()

# No op sets errno or relies on traps: without them sqrt and comparisons vectorise. Results stay those of IEEE arithmetic.
target_compile_options(taper PRIVATE -fno-math-errno -fno-trapping-math)
# The random stream is the same on every machine (core/random.cpp); a step of Adam, elementary functions (of gates, too) and
# reductions are the same with every instruction set. With a precompiled header, g++ 12 forgets the option in code for which a
# pragma names the set.
set(same_with_every_set optim/adam.cpp elementwise/elementary.cpp recurrent/recurrence.cpp reduction/folds.cpp)
list(TRANSFORM same_with_every_set PREPEND ${PROJECT_SOURCE_DIR}/ops/kernels/)
set_source_files_properties(${PROJECT_SOURCE_DIR}/core/random.cpp ${same_with_every_set} PROPERTIES COMPILE_OPTIONS -ffp-contract=off)
set_source_files_properties(${same_with_every_set} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
# A sanitizer puts so many checks into the long functions of these files that clang optimises one of them for minutes. (So it does
# for elementary.cpp; but tests of 40,000 elements would take as long, if that were not optimised.)
set(long_functions reduction/folds.cpp recurrent/recurrence.cpp softmax/entmax_row.cpp)
list(TRANSFORM long_functions PREPEND ${PROJECT_SOURCE_DIR}/ops/kernels/)
set_property(SOURCE ${long_functions} APPEND PROPERTY COMPILE_OPTIONS $<$<CONFIG:Debug>:-O0>)
set_source_files_properties(${long_functions} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)

# False alarms of g++ 12 about the concatenation of strings (GCC bug 105651). clang looks for the same mistakes.
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(taper PRIVATE -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds)
endif()

# The warnings are for our own code: a program that uses the library chooses its own, and if Taper is part of another
# project, neither that project's warnings nor ours are for it.
if(PROJECT_IS_TOP_LEVEL)
  set(warnings -Wall -Wextra -Wpedantic $<$<BOOL:${TAPER_WERROR}>:-Werror>)
else()
  set(warnings -w)
  set_property(TARGET taper PROPERTY SYSTEM ON)
endif()
target_compile_options(taper PRIVATE ${warnings})
if(TAPER_TESTS OR TAPER_EXAMPLES OR TAPER_BENCH)
  add_library(taper_warnings INTERFACE)
  target_compile_options(taper_warnings INTERFACE ${warnings})
endif()

include(cmake/cuda.cmake)
