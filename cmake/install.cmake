# cmake --install, and the package that find_package(taper) finds.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/taper)
# The headers of ops/ and cuda/ that a program may include; the others are for the kernels.
foreach(part core ops nn)
  install(DIRECTORY ${part} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/taper FILES_MATCHING PATTERN *.hpp
          PATTERN ops/kernels EXCLUDE PATTERN nn/training/page EXCLUDE)
endforeach()
# The loop over elements, for ops of a program's own (docs/adding_an_op.md).
install(FILES ops/kernels/elementwise/elementwise.hpp ops/kernels/elementwise/functions.hpp
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/taper/ops/kernels/elementwise)
install(FILES cuda/device.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/taper/cuda)
install(FILES ${include_dir}/taper/taper.hpp ${include_dir}/taper/ops.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/taper)

install(TARGETS taper EXPORT taper)
install(EXPORT taper NAMESPACE taper:: FILE taperTargets.cmake DESTINATION ${package_dir})
configure_package_config_file(cmake/taperConfig.cmake.in ${PROJECT_BINARY_DIR}/taperConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/taperConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/taperConfig.cmake ${PROJECT_BINARY_DIR}/taperConfigVersion.cmake
        DESTINATION ${package_dir})
