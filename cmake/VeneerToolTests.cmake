# The picture of the layers is a test like any other, and so is the script that checks it.
add_test(NAME layers COMMAND "${PROJECT_SOURCE_DIR}/tools/check-layers")
add_test(NAME layers_check_itself COMMAND "${PROJECT_SOURCE_DIR}/tools/check-layers-test")
add_test(NAME skipped_tests_report_itself COMMAND "${PROJECT_SOURCE_DIR}/tools/report-skipped-test")
