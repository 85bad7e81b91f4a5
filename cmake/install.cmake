# cmake --install, the package that find_package(taper) finds, and the one that pkg-config finds.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/taper)
set(development COMPONENT taper_development)
# The headers of ops/ and cuda/ that a program may include; the others are for the kernels.
foreach(part core ops nn)
  install(DIRECTORY ${part} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/taper ${development} FILES_MATCHING PATTERN *.hpp
          PATTERN ops/kernels EXCLUDE PATTERN nn/page/lenses EXCLUDE PATTERN nn/training/page EXCLUDE)
endforeach()
# The loop over elements, for ops of a program's own (docs/adding_an_op.md).
install(FILES ops/kernels/elementwise/elementwise.hpp ops/kernels/elementwise/functions.hpp
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/taper/ops/kernels/elementwise ${development})
install(FILES cuda/device.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/taper/cuda ${development})
install(FILES ${include_dir}/taper/taper.hpp ${include_dir}/taper/ops.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/taper
        ${development})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} ${development})

install(TARGETS taper EXPORT taper INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        ARCHIVE ${development} LIBRARY COMPONENT taper_runtime NAMELINK_COMPONENT taper_development)
install(EXPORT taper NAMESPACE taper:: FILE taperTargets.cmake DESTINATION ${package_dir} ${development})
if(BUILD_SHARED_LIBS)
  set(is_shared ON)
else()
  set(is_shared OFF)
endif()
configure_package_config_file(cmake/taperConfig.cmake.in ${PROJECT_BINARY_DIR}/taperConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/taperConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/taperConfig.cmake ${PROJECT_BINARY_DIR}/taperConfigVersion.cmake
        DESTINATION ${package_dir} ${development})

# taper.pc finds its folders from its own place, if they are relative to the prefix.
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
  set(pc_prefix "${CMAKE_INSTALL_PREFIX}")
else()
  cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX BASE_DIRECTORY "${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}/pkgconfig"
             OUTPUT_VARIABLE up)
  set(pc_prefix "\${pcfiledir}/${up}")
endif()
cmake_path(APPEND pc_libdir "\${prefix}" "${CMAKE_INSTALL_LIBDIR}")
cmake_path(APPEND pc_includedir "\${prefix}" "${CMAKE_INSTALL_INCLUDEDIR}")
foreach(path IN ITEMS pc_prefix pc_libdir pc_includedir)
  string(REPLACE " " "\\ " ${path} "${${path}}")
endforeach()
if(BUILD_SHARED_LIBS)
  set(pc_requires xtensor)
  set(pc_libraries "")
else()
  set(pc_requires "xtensor libhwy openblas")
  set(pc_libraries "-Wl,${link_cuda} ${cuda_libraries}-pthread")
endif()
configure_file(cmake/taper.pc.in ${PROJECT_BINARY_DIR}/taper.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/taper.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig ${development})

if(PROJECT_IS_TOP_LEVEL)
  include(cmake/debian.cmake)
endif()
