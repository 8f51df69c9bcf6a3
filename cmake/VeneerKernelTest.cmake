# Tests that run in a guest with a kernel of their own (tests/vm): device-mapper, whatever this
# machine's kernel has. All have the label `kernel`, and two guests run at a time at most: an emulated one
# keeps a CPU busy, and has 2 GiB.
# The program is built for this machine and started in the guest, whose root is this machine's.
# They cost the most: begun first, they share the machine with all other tests to their end.

# A test that runs a guest takes turns with every other one.
function(veneer_kernel_turns test)
  get_property(tests GLOBAL PROPERTY veneer_kernel_tests)
  list(APPEND tests "${test}")
  set_property(GLOBAL PROPERTY veneer_kernel_tests "${tests}")
  list(LENGTH tests count)
  math(EXPR turn "${count} % 2")
  set_tests_properties(${test} PROPERTIES RESOURCE_LOCK veneer_guest_${turn}
                                          FIXTURES_REQUIRED veneer_guest_image)
endfunction()

# veneer_kernel_script(NAME COMMAND … [LABELS …] [TIMEOUT seconds] [MEMORY size])
# The test kernel.NAME: COMMAND, run in a guest.
function(veneer_kernel_script name)
  cmake_parse_arguments(TEST "" "TIMEOUT;MEMORY" "COMMAND;LABELS" ${ARGN})
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 900)
  endif()
  if(NOT TEST_MEMORY)
    set(TEST_MEMORY 2G)
    if(VENEER_SANITIZE)
      set(TEST_MEMORY 4G)
    endif()
  endif()
  add_test(NAME kernel.${name}
           COMMAND "${PROJECT_SOURCE_DIR}/tests/vm/run" --memory ${TEST_MEMORY} --timeout
                   ${TEST_TIMEOUT} -- ${TEST_COMMAND}
           WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
  # The guest has a limit of its own, with a better message than ctest's.
  math(EXPR limit "${TEST_TIMEOUT} + 300")
  # What may take longest begins first, before all other tests.
  math(EXPR cost "${TEST_TIMEOUT} + 1000")
  set_tests_properties(
    kernel.${name} PROPERTIES LABELS "kernel;${TEST_LABELS}" TIMEOUT ${limit} COST ${cost})
  veneer_kernel_turns(kernel.${name})
endfunction()

# veneer_kernel_test(NAME SOURCES … [DEPENDS …] [LABELS …] [TIMEOUT seconds] [MEMORY size])
# A GoogleTest program; all of it is the one test kernel.NAME, in one guest. By hand:
# `tests/vm/run build/dev/…/NAME --gtest_filter=…`, or GTEST_FILTER=… with ctest.
function(veneer_kernel_test name)
  cmake_parse_arguments(TEST "" "TIMEOUT;MEMORY" "SOURCES;DEPENDS;LABELS" ${ARGN})
  add_executable(${name} ${TEST_SOURCES})
  target_link_libraries(${name} PRIVATE veneer_settings ${TEST_DEPENDS} GTest::gmock
                                        GTest::gtest_main)
  veneer_kernel_script(${name} COMMAND $<TARGET_FILE:${name}> LABELS ${TEST_LABELS}
                       TIMEOUT ${TEST_TIMEOUT} MEMORY ${TEST_MEMORY})
endfunction()

# Fetches the kernel where it is not there yet, before any test that needs it.
add_test(NAME kernel.image COMMAND "${PROJECT_SOURCE_DIR}/tests/vm/kernel")
set_tests_properties(kernel.image PROPERTIES LABELS kernel TIMEOUT 1800 FIXTURES_SETUP
                                             veneer_guest_image)
