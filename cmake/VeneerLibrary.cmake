# What `cmake --install` gives to C++ programs: libveneer.a, its headers, a CMake package and a
# pkg-config file. docs/library.md is for their users, docs/adr/0013 says why it is so.

# One archive of all rooms that attach disks. Those that serve them are in the program alone, so
# that a user links no FUSE.
set(library_rooms base format kernel cow backend library)
list(TRANSFORM library_rooms REPLACE "(.+)" "$<TARGET_OBJECTS:veneer_\\1>"
     OUTPUT_VARIABLE library_objects)
add_library(veneer_archive STATIC ${library_objects})
add_library(veneer::veneer ALIAS veneer_archive)
set_target_properties(veneer_archive PROPERTIES OUTPUT_NAME veneer EXPORT_NAME veneer
                                                LINKER_LANGUAGE CXX)
target_compile_features(veneer_archive INTERFACE cxx_std_23)
target_link_libraries(veneer_archive PRIVATE fmt::fmt nettle Threads::Threads
                                             ${CMAKE_DL_LIBS})

# The headers of this room, and those that they include. Their own includes start at src/ here and at
# veneer/ there: <veneer/veneer.h> includes <veneer/base/result.h>. Nothing else is on the path.
set(library_headers
    backend/backend_kind.h backend/gc.h base/error.h base/result.h base/unique_fd.h base/units.h
    cow/flatten_options.h kernel/file_stamp.h kernel/linux/replace.h library/clean_up.h
    library/disk_host.h library/flatten.h library/loop_registry.h library/sizes.h
    library/snapshot.h library/template_identity.h library/veneer.h)
set(library_include "${PROJECT_BINARY_DIR}/include")
foreach(header IN LISTS library_headers)
  set(source "${PROJECT_SOURCE_DIR}/src/${header}")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${source}")
  file(READ "${source}" text)
  string(REGEX REPLACE "#include \"(library/)?([a-z_/]+\\.h)\"" "#include <veneer/\\2>" text "${text}")
  string(REGEX REPLACE "^library/" "" installed "${header}")
  file(CONFIGURE OUTPUT "${library_include}/veneer/${installed}" CONTENT "@text@" @ONLY)
endforeach()
target_include_directories(veneer_archive INTERFACE "$<BUILD_INTERFACE:${library_include}>")

include(CMakePackageConfigHelpers)
set(library_packages "${CMAKE_INSTALL_LIBDIR}/cmake/Veneer")
configure_package_config_file("${PROJECT_SOURCE_DIR}/packaging/library/VeneerConfig.cmake.in"
                              "${PROJECT_BINARY_DIR}/VeneerConfig.cmake"
                              INSTALL_DESTINATION "${library_packages}"
                              PATH_VARS CMAKE_INSTALL_BINDIR)
# Before 1.0 a minor version may change what programs see.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/VeneerConfigVersion.cmake"
                                 COMPATIBILITY SameMinorVersion)
# The prefix is found from where the file lies: a tree that is installed may be moved.
file(RELATIVE_PATH library_prefix "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
string(REGEX REPLACE "/$" "" library_prefix "${library_prefix}")
configure_file("${PROJECT_SOURCE_DIR}/packaging/library/veneer.pc.in"
               "${PROJECT_BINARY_DIR}/veneer.pc" @ONLY)

install(TARGETS veneer_archive EXPORT VeneerTargets
        INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(EXPORT VeneerTargets NAMESPACE veneer:: DESTINATION "${library_packages}")
install(FILES "${PROJECT_BINARY_DIR}/VeneerConfig.cmake"
              "${PROJECT_BINARY_DIR}/VeneerConfigVersion.cmake" DESTINATION "${library_packages}")
install(FILES "${PROJECT_BINARY_DIR}/veneer.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
install(DIRECTORY "${library_include}/veneer" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
