# Libraries from Debian packages; ./dev installs them (tools/packages.txt).

# The program has its libraries in it: half of its start was looking for them, mapping and relocating them
# (docs/adr/0032). A sanitizer wants to see the shared ones.
if(NOT VENEER_SANITIZE)
  set(VENEER_ARCHIVES ON)
endif()

find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(spdlog REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(SQLiteCpp REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(fuse3 REQUIRED IMPORTED_TARGET fuse3>=3.12)
pkg_check_modules(nbdkit REQUIRED IMPORTED_TARGET nbdkit>=1.32)
pkg_get_variable(NBDKIT_PLUGIN_DIR nbdkit plugindir)
pkg_check_modules(devmapper REQUIRED IMPORTED_TARGET devmapper)
# Its headers alone: it is loaded by its soname when it is needed (src/kernel/linux/dm_functions.h).
find_library(DEVMAPPER_LIBRARY devmapper REQUIRED)
file(REAL_PATH "${DEVMAPPER_LIBRARY}" devmapper_file)
cmake_path(GET devmapper_file FILENAME devmapper_soname)
set_target_properties(PkgConfig::devmapper PROPERTIES
  INTERFACE_LINK_LIBRARIES "${CMAKE_DL_LIBS}"
  INTERFACE_COMPILE_DEFINITIONS "VENEER_LIBDEVMAPPER=\"${devmapper_soname}\"")
if(VENEER_TESTS)
  find_package(GTest REQUIRED)
  pkg_check_modules(libnbd REQUIRED IMPORTED_TARGET libnbd)
  include(GoogleTest)
endif()

if(VENEER_ARCHIVES)
  find_library(FUSE3_ARCHIVE libfuse3.a REQUIRED)
  set_target_properties(PkgConfig::fuse3 PROPERTIES
    INTERFACE_LINK_LIBRARIES "${FUSE3_ARCHIVE};Threads::Threads;${CMAKE_DL_LIBS}")
  find_library(SQLITE3_ARCHIVE libsqlite3.a REQUIRED)
  set_target_properties(SQLite::SQLite3 PROPERTIES
    IMPORTED_LOCATION "${SQLITE3_ARCHIVE}"
    INTERFACE_LINK_LIBRARIES "Threads::Threads;${CMAKE_DL_LIBS};m")
endif()

# Nettle has no CMake package. Those who link libveneer.a get it by the same name: -lnettle.
if(VENEER_ARCHIVES)
  find_library(NETTLE_LIBRARY libnettle.a REQUIRED)
else()
  find_library(NETTLE_LIBRARY nettle REQUIRED)
endif()
add_library(nettle INTERFACE IMPORTED)
target_link_libraries(nettle INTERFACE "${NETTLE_LIBRARY}")

# Debian has no archive of {fmt}; of another version than 9 we do not know what an archive needs.
if(VENEER_ARCHIVES AND fmt_VERSION VERSION_GREATER_EQUAL 9 AND fmt_VERSION VERSION_LESS 10)
  add_library(veneer_fmt STATIC "${PROJECT_SOURCE_DIR}/src/base/fmt_functions.cpp")
  target_compile_features(veneer_fmt PUBLIC cxx_std_20)
else()
  add_library(veneer_fmt INTERFACE)
  target_link_libraries(veneer_fmt INTERFACE fmt::fmt)
endif()
