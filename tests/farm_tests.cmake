# A farm of its own: Slurm and GNU parallel, with a scanner that stops where it can be killed.

# Preloaded into the program, so without sanitizers of its own.
add_library(stop_here MODULE farm/stop_here.c)
target_link_libraries(stop_here PRIVATE ps_warnings ${CMAKE_DL_LIBS})
target_compile_options(stop_here PRIVATE -fno-sanitize=all -Wno-missing-prototypes)
target_link_options(stop_here PRIVATE -fno-sanitize=all)

# ThreadSanitizer's library insists on being the first one.
if(NOT POOLSCAN_SANITIZE STREQUAL "thread")
    ps_script_test(NAME farm/slurm LABELS farm ENVIRONMENT "STOP_HERE_SO=$<TARGET_FILE:stop_here>")
    ps_script_test(NAME farm/slurm_kill LABELS "farm;slow"
        ENVIRONMENT "STOP_HERE_SO=$<TARGET_FILE:stop_here>")
    ps_script_test(NAME farm/slurm_cancel LABELS "farm;slow"
        ENVIRONMENT "STOP_HERE_SO=$<TARGET_FILE:stop_here>")
    ps_script_test(NAME farm/signals LABELS farm
        ENVIRONMENT "BAD_DISK=${bad_disk_path};STOP_HERE_SO=$<TARGET_FILE:stop_here>")
    ps_script_test(NAME farm/parallel LABELS farm ENVIRONMENT "STOP_HERE_SO=$<TARGET_FILE:stop_here>")
endif()
ps_script_test(NAME farm/kubernetes LABELS farm)
ps_script_test(NAME farm/many LABELS farm
    ENVIRONMENT "MAKE_CONTAINER=$<TARGET_FILE:make_container>;BAD_DISK=${bad_disk_path};STOP_HERE_SO=$<TARGET_FILE:stop_here>")
ps_script_test(NAME farm/wait LABELS farm ENVIRONMENT "MAKE_CONTAINER=$<TARGET_FILE:make_container>")

# Every number of shards would take a sanitizer's build many minutes.
set(every 1)
if(POOLSCAN_SANITIZE)
    set(every 9)
endif()
ps_script_test(NAME farm/counts LABELS farm ENVIRONMENT "EVERY=${every}")
ps_script_test(NAME farm/sources LABELS "farm;device"
    ENVIRONMENT "MAKE_CONTAINER=$<TARGET_FILE:make_container>;BAD_DISK=${bad_disk_path}")
set_property(TEST farm/sources APPEND PROPERTY ENVIRONMENT
    "POCL_CACHE_DIR=${CMAKE_CURRENT_BINARY_DIR}/pocl-cache" "POCL_DEVICES=pthread"
    "LSAN_OPTIONS=print_suppressions=0:suppressions=${CMAKE_CURRENT_SOURCE_DIR}/support/lsan_opencl.supp")
set_tests_properties(farm/sources PROPERTIES RESOURCE_LOCK opencl)
