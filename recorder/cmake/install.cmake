# What is installed, and how other builds find it: find_package(afterimage) or pkg-config afterimage.
#
#   runtime       libafterimage.so.0
#   development   headers, CMake package, pkg-config file, launcher, FORMAT.md, libafterimage-check.so
#
# Everything may be moved after the installation: the CMake package and the pkg-config file reckon from where they lie.
if(NOT DEFINED CMAKE_INSTALL_LIBDIR AND CMAKE_LIBRARY_ARCHITECTURE AND EXISTS /etc/debian_version)
  set(CMAKE_INSTALL_LIBDIR lib/${CMAKE_LIBRARY_ARCHITECTURE})  # GNUInstallDirs does so below /usr only; a package goes there later
endif()
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(AFTERIMAGE_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/afterimage)
set(AFTERIMAGE_PKGCONFIG_DIR ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(TARGETS afterimage EXPORT afterimage
  LIBRARY COMPONENT runtime NAMELINK_COMPONENT development
  FILE_SET HEADERS COMPONENT development)
install(TARGETS afterimage-check LIBRARY COMPONENT development)
install(EXPORT afterimage NAMESPACE afterimage:: FILE afterimage-targets.cmake
  DESTINATION ${AFTERIMAGE_CMAKE_DIR} COMPONENT development)

write_basic_package_version_file(afterimage-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_LIST_DIR}/afterimage-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/afterimage-config-version.cmake
  DESTINATION ${AFTERIMAGE_CMAKE_DIR} COMPONENT development)

file(RELATIVE_PATH AFTERIMAGE_PREFIX_FROM_PKGCONFIG /${AFTERIMAGE_PKGCONFIG_DIR} /)
configure_file(${CMAKE_CURRENT_LIST_DIR}/afterimage.pc.in afterimage.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/afterimage.pc DESTINATION ${AFTERIMAGE_PKGCONFIG_DIR} COMPONENT development)

install(FILES ${CMAKE_CURRENT_LIST_DIR}/../FORMAT.md DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/libafterimage-dev COMPONENT development)
if(TARGET afterimage-launch)
  install(TARGETS afterimage-launch DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/afterimage COMPONENT development)
endif()
