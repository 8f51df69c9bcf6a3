if(VENEER_FUZZERS)
  add_custom_target(fuzzers)
endif()

# veneer_fuzzer(NAME SOURCES a.cpp … [DEPENDS …])
# A libFuzzer program with its inputs in fuzz/corpus/NAME (NAME without "fuzz_"), part of the target
# `fuzzers`, and a test (label fuzz) that runs it for FUZZ_SECONDS of the environment, 30 by default.
function(veneer_fuzzer name)
  cmake_parse_arguments(FUZZER "" "" "SOURCES;DEPENDS" ${ARGN})
  string(REGEX REPLACE "^fuzz_" "" corpus "${name}")
  add_executable(${name} ${FUZZER_SOURCES})
  target_link_libraries(${name} PRIVATE veneer_settings ${FUZZER_DEPENDS})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  add_dependencies(fuzzers ${name})
  add_test(NAME ${name} COMMAND "${PROJECT_SOURCE_DIR}/tools/fuzz-smoke" $<TARGET_FILE:${name}>
                                "${PROJECT_SOURCE_DIR}/fuzz/corpus/${corpus}")
  # Longer than any run that ./dev starts; a hang inside one input has a limit of its own.
  set_tests_properties(${name} PROPERTIES LABELS fuzz TIMEOUT 86400)
endfunction()
