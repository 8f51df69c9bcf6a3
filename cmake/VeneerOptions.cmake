# Compiler settings that every target of the project shares.
include(GNUInstallDirs)

option(VENEER_TESTS "Build the tests" ON)
option(VENEER_FUZZERS "Build the fuzzers (needs clang)" OFF)
option(VENEER_BENCHMARKS "Build the benchmark helpers" ON)
set(VENEER_SANITIZE "" CACHE STRING "Sanitizers: empty, 'address,undefined' or 'thread'")

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()

# Repeated builds of the same source cost nothing where ccache is installed.
find_program(VENEER_CCACHE ccache)
if(VENEER_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${VENEER_CCACHE}")
endif()

add_library(veneer_settings INTERFACE)
target_include_directories(veneer_settings INTERFACE "${PROJECT_SOURCE_DIR}/src")
target_compile_definitions(veneer_settings INTERFACE _GNU_SOURCE _FILE_OFFSET_BITS=64
                                                     VENEER_VERSION="${PROJECT_VERSION}")
target_compile_options(veneer_settings INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow
                                                 -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # At -O3 it sees overlaps inside std::string that are not there (GCC PR 105651).
  target_compile_options(veneer_settings INTERFACE -Wno-restrict)
endif()
if(VENEER_SANITIZE)
  target_compile_options(veneer_settings INTERFACE "-fsanitize=${VENEER_SANITIZE}"
                                                   -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(veneer_settings INTERFACE "-fsanitize=${VENEER_SANITIZE}")
endif()
if(VENEER_FUZZERS)
  target_compile_options(veneer_settings INTERFACE -fsanitize=fuzzer-no-link)
endif()
