# Tests that need an OpenCL device; PoCL is enough. They share one driver cache in the build folder,
# which the first of them fills, and take turns. Leaks inside drivers are not ours. A warning of the
# device compiler is an error here, but not for users: each driver has warnings of its own.
set(PS_DEVICE_ENVIRONMENT
    "POCL_CACHE_DIR=${CMAKE_CURRENT_BINARY_DIR}/pocl-cache"
    "POCL_DEVICES=pthread basic"
    "PS_CL_BUILD_OPTIONS=-Werror"
    "CRITERION_JOBS=1"
    "LSAN_OPTIONS=print_suppressions=0:suppressions=${CMAKE_CURRENT_SOURCE_DIR}/support/lsan_opencl.supp")
file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/pocl-cache)

ps_plain_test(NAME device/device_present LABELS device)
set_tests_properties(device/device_present PROPERTIES FIXTURES_SETUP opencl_cache)
set(PS_DEVICE_TESTS device/device_present)

# Not under a sanitizer: oclgrind loads its own runtime first.
if(NOT POOLSCAN_SANITIZE)
    add_executable(cl_small device/cl_small.c support/kernel_cases.c support/oracle.c
        support/page_fills.c support/rng.c)
    target_link_libraries(cl_small PRIVATE ps_host ps_warnings)
    ps_script_test(NAME device/oclgrind LABELS device ENVIRONMENT "CL_SMALL=$<TARGET_FILE:cl_small>")
endif()

if(NOT POOLSCAN_SANITIZE STREQUAL "thread")
    ps_criterion_test(NAME contract/test_opencl LABELS device
        SOURCES support/kernel_cases.c support/oracle.c support/page_fills.c support/rng.c
            support/tmpdir.c)
    list(APPEND PS_DEVICE_TESTS contract/test_opencl)
endif()

set_tests_properties(${PS_DEVICE_TESTS} PROPERTIES RESOURCE_LOCK opencl
    ENVIRONMENT "${PS_DEVICE_ENVIRONMENT}")
set_property(TEST ${PS_DEVICE_TESTS} APPEND PROPERTY FIXTURES_REQUIRED opencl_cache)
set_property(TEST device/device_present PROPERTY FIXTURES_REQUIRED)
