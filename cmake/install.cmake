# cmake --install, and the package that find_package(taper) finds.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/taper)
foreach(part core core/gradcheck ops nn nn/optim)
  file(GLOB headers CONFIGURE_DEPENDS ${part}/*.hpp)
  list(FILTER headers EXCLUDE REGEX "/nn/taper\\.hpp$")
  install(FILES ${headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/taper/${part})
endforeach()
# Of cuda/ what a program may call: the rest is for the kernels.
install(FILES cuda/device.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/taper/cuda)
install(FILES nn/taper.hpp ${include_dir}/taper/ops.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/taper)

install(TARGETS taper EXPORT taper)
install(EXPORT taper NAMESPACE taper:: FILE taperTargets.cmake DESTINATION ${package_dir})
configure_package_config_file(cmake/taperConfig.cmake.in ${PROJECT_BINARY_DIR}/taperConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/taperConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/taperConfig.cmake ${PROJECT_BINARY_DIR}/taperConfigVersion.cmake
        DESTINATION ${package_dir})
