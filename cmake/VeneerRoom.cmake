# veneer_room(NAME SOURCES a.cpp b.cpp [TESTS a_test.cpp] [DEPENDS room lib …] [TEST_DEPENDS lib …])
# One room of src/: a static library veneer_NAME and a test program veneer_NAME_test beside it.
# DEPENDS names what the room may include; tools/check-layers holds the same picture.
function(veneer_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;TESTS;DEPENDS;TEST_DEPENDS" ${ARGN})
  add_library(veneer_${name} STATIC ${ROOM_SOURCES})
  target_link_libraries(veneer_${name} PUBLIC veneer_settings ${ROOM_DEPENDS})
  if(VENEER_TESTS AND ROOM_TESTS)
    veneer_test(veneer_${name}_test SOURCES ${ROOM_TESTS} DEPENDS veneer_${name} ${ROOM_TEST_DEPENDS})
  endif()
endfunction()

# veneer_test(NAME SOURCES … [DEPENDS …] [LABELS …] [TIMEOUT seconds] [FIXTURE name])
# A GoogleTest program; each of its tests is one test of ctest.
function(veneer_test name)
  cmake_parse_arguments(TEST "" "TIMEOUT;FIXTURE" "SOURCES;DEPENDS;LABELS" ${ARGN})
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 600)
  endif()
  add_executable(${name} ${TEST_SOURCES})
  target_link_libraries(${name} PRIVATE veneer_settings ${TEST_DEPENDS} GTest::gmock
                                        GTest::gtest_main)
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 120 PROPERTIES TIMEOUT ${TEST_TIMEOUT}
                       LABELS "${TEST_LABELS}" FIXTURES_REQUIRED "${TEST_FIXTURE}")
endfunction()
