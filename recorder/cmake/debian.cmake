# Debian packages, made by `cpack` in the build folder: libafterimage0, libafterimage-dev, and the debug symbols of both.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME afterimage)
set(CPACK_PACKAGE_VENDOR "the Afterimage maintainers")
set(CPACK_PACKAGE_CONTACT "Afterimage maintainers <maintainers@afterimage.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "recorder for the post-mortem debugging of C++ (Re)Actors")
set(CPACK_RESOURCE_FILE_LICENSE ${CMAKE_CURRENT_LIST_DIR}/../../LICENSE)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL runtime development)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_ENABLE_COMPONENT_DEPENDS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# libafterimage-check.so, for developers, is linked with the library of the other package.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${CMAKE_CURRENT_BINARY_DIR})
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_DEBUGINFO_PACKAGE ON)

set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME libafterimage0)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA ${CMAKE_CURRENT_BINARY_DIR}/debian/triggers)
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION "Linked into a service, it keeps the last minutes of each reactor on disk:
its memory at an earlier moment, and every event since. After a crash they
are replayed, event by event, with the same executable.")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libafterimage-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
# For libafterimage-check.so. CPack itself adds scripts that call ldconfig, too, and cannot be told not to (lintian: maintscript-calls-ldconfig).
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_CONTROL_EXTRA ${CMAKE_CURRENT_BINARY_DIR}/debian/triggers)
set(CPACK_COMPONENT_DEVELOPMENT_DEPENDS runtime)
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "Headers, the CMake package, the pkg-config file, the format of recordings,
and the launcher with which recordings are replayed.")

# What Debian wants to find beside the files: who may copy them, and what has changed.
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/debian/triggers "activate-noawait ldconfig\n")
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
configure_file(${CMAKE_CURRENT_LIST_DIR}/changelog.in debian/changelog @ONLY)
add_custom_command(OUTPUT debian/changelog.gz VERBATIM
  COMMAND gzip --best --no-name --force --keep debian/changelog
  DEPENDS ${CMAKE_CURRENT_BINARY_DIR}/debian/changelog)
add_custom_target(afterimage_debian_changelog ALL DEPENDS debian/changelog.gz)
foreach(component IN ITEMS runtime development)
  string(TOUPPER ${component} COMPONENT)
  install(FILES ${CMAKE_CURRENT_LIST_DIR}/copyright ${CMAKE_CURRENT_BINARY_DIR}/debian/changelog.gz
    DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${CPACK_DEBIAN_${COMPONENT}_PACKAGE_NAME} COMPONENT ${component})
endforeach()
include(CPack)
