# The command line from outside.

# Preloaded into the program, so without sanitizers of its own; ThreadSanitizer's library insists
# on being the first one.
add_library(bad_disk MODULE support/bad_disk.c)
target_link_libraries(bad_disk PRIVATE ps_warnings ${CMAKE_DL_LIBS})
target_compile_options(bad_disk PRIVATE -fno-sanitize=all -Wno-missing-prototypes)
target_link_options(bad_disk PRIVATE -fno-sanitize=all)
add_library(kill_at MODULE support/kill_at.c)
target_link_libraries(kill_at PRIVATE ps_warnings ${CMAKE_DL_LIBS})
target_compile_options(kill_at PRIVATE -fno-sanitize=all -Wno-missing-prototypes)
target_link_options(kill_at PRIVATE -fno-sanitize=all)
set(bad_disk_path $<TARGET_FILE:bad_disk>)
set(kill_at_path $<TARGET_FILE:kill_at>)
if(POOLSCAN_SANITIZE STREQUAL "thread")
    set(bad_disk_path "")
    set(kill_at_path "")
endif()

ps_script_test(NAME cli/devices LABELS cli)
ps_script_test(NAME cli/usage LABELS cli)
ps_script_test(NAME cli/plan LABELS cli)
ps_script_test(NAME cli/farm LABELS "cli;farm")
ps_script_test(NAME cli/vtop LABELS cli)
ps_script_test(NAME cli/used LABELS cli)
ps_script_test(NAME cli/kuser LABELS cli)
ps_script_test(NAME cli/pagefile LABELS cli)
ps_script_test(NAME cli/heap LABELS cli)
ps_script_test(NAME cli/pool LABELS cli ENVIRONMENT "BAD_DISK=${bad_disk_path}")
ps_script_test(NAME cli/help_version LABELS cli)
ps_script_test(NAME cli/generate LABELS cli)
ps_script_test(NAME cli/bad_input LABELS cli ENVIRONMENT "BAD_DISK=${bad_disk_path}")
ps_script_test(NAME cli/bad_device LABELS "cli;device")
# Leaks inside drivers are not ours.
set_property(TEST cli/bad_device APPEND PROPERTY ENVIRONMENT
    "POCL_CACHE_DIR=${CMAKE_CURRENT_BINARY_DIR}/pocl-cache" "POCL_DEVICES=pthread"
    "LSAN_OPTIONS=print_suppressions=0:suppressions=${CMAKE_CURRENT_SOURCE_DIR}/support/lsan_opencl.supp")
set_tests_properties(cli/bad_device PROPERTIES RESOURCE_LOCK opencl)

ps_script_test(NAME cli/real_digests LABELS "cli;device")
set_property(TEST cli/real_digests APPEND PROPERTY ENVIRONMENT
    "POCL_CACHE_DIR=${CMAKE_CURRENT_BINARY_DIR}/pocl-cache"
    "LSAN_OPTIONS=print_suppressions=0:suppressions=${CMAKE_CURRENT_SOURCE_DIR}/support/lsan_opencl.supp")
set_tests_properties(cli/real_digests PROPERTIES RESOURCE_LOCK opencl)
ps_script_test(NAME cli/bigpools LABELS cli)
ps_script_test(NAME cli/symbols LABELS cli)
ps_script_test(NAME cli/real_merged LABELS cli)
ps_script_test(NAME cli/real_quota LABELS cli)
ps_script_test(NAME cli/unknown LABELS cli)
ps_script_test(NAME cli/real_unknown LABELS cli)
ps_script_test(NAME cli/copies LABELS cli)
ps_script_test(NAME cli/packed LABELS cli)
ps_script_test(NAME cli/min_confidence LABELS cli)
ps_script_test(NAME cli/lacks LABELS cli)
ps_script_test(NAME cli/sqlite LABELS cli)
ps_script_test(NAME cli/signals LABELS cli ENVIRONMENT "BAD_DISK=${bad_disk_path}")
ps_script_test(NAME cli/queries LABELS cli)
ps_script_test(NAME cli/diff LABELS cli)
ps_script_test(NAME cli/session LABELS cli ENVIRONMENT "BAD_DISK=${bad_disk_path};KILL_AT=${kill_at_path}")
