# What a cell of the matrix builds beside the library (matrix.py): tests of what compilers, standard libraries, BLAS and
# xtensor have a say in.
add_executable(taper_matrix_tests EXCLUDE_FROM_ALL
  support/helpers.cpp support/reference.cpp consumer/gradients_test.cpp core/charconv_test.cpp core/print_test.cpp
  core/tape_safety_test.cpp core/tape_test.cpp core/tensor_test.cpp gradcheck/gradcheck_test.cpp io/csv_test.cpp
  io/files_test.cpp nn/layers/multi_head_test.cpp ops/reductions_test.cpp ops/sparse_attention_test.cpp
  threads/large_ops_test.cpp threads/threads_test.cpp)
target_include_directories(taper_matrix_tests PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(taper_matrix_tests PRIVATE taper::taper taper_warnings GTest::gtest_main)
# A false alarm of g++ 12 about string concatenation (GCC bug 105651).
target_compile_options(taper_matrix_tests PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
precompile_headers(taper_matrix_tests)
