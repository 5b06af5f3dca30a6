# find_package(afterimage): defines the target afterimage::afterimage.
include(${CMAKE_CURRENT_LIST_DIR}/afterimage-targets.cmake)

# The C++ headers want C++20. A project in C alone uses afterimage/afterimage.h, and has no C++ compiler that could be asked for it.
get_property(afterimage_languages GLOBAL PROPERTY ENABLED_LANGUAGES)
if(NOT CXX IN_LIST afterimage_languages)
  set_property(TARGET afterimage::afterimage PROPERTY INTERFACE_COMPILE_FEATURES "")
endif()
unset(afterimage_languages)
