# Programs with main() and shell scripts, one line each.
ps_plain_test(NAME stress/fault_guard_stress LABELS stress SOURCES support/cut_file.c)
ps_plain_test(NAME contract/bigpool_real LABELS contract LIBS PkgConfig::JANSSON
    SOURCES real/unpack.c support/tmpdir.c)
ps_plain_test(NAME contract/real_images LABELS contract LIBS PkgConfig::JANSSON
    SOURCES real/mapped.c real/truth.c real/unpack.c real/witness.c support/tmpdir.c)
ps_plain_test(NAME contract/lookaside_real LABELS contract LIBS PkgConfig::JANSSON
    SOURCES real/mapped.c real/truth.c real/unpack.c real/witness.c support/tmpdir.c)
ps_plain_test(NAME contract/tracker_real LABELS contract LIBS PkgConfig::JANSSON
    SOURCES real/each_image.c real/unpack.c support/tmpdir.c)
ps_plain_test(NAME contract/real_kernel LABELS contract LIBS PkgConfig::JANSSON
    SOURCES real/each_image.c real/unpack.c support/tmpdir.c)
ps_plain_test(NAME contract/real_paging LABELS contract LIBS PkgConfig::JANSSON
    SOURCES real/each_image.c real/unpack.c support/tmpdir.c)
ps_plain_test(NAME unit/known_kernels LABELS unit)
ps_plain_test(NAME unit/tag_lists LABELS unit)
ps_plain_test(NAME unit/pooltag_files LABELS unit)
ps_plain_test(NAME unit/builtin_tags LABELS unit SOURCES support/rng.c)
set_tests_properties(unit/tag_lists unit/pooltag_files PROPERTIES ENVIRONMENT "PS_SOURCE=${PROJECT_SOURCE_DIR}")
ps_plain_test(NAME stress/pipeline_stress LABELS stress)
ps_plain_test(NAME stress/blocks_stress LABELS stress SOURCES support/rng.c)
ps_script_test(NAME cli/tags LABELS cli)
ps_script_test(NAME cli/tag_counts LABELS cli)
ps_script_test(NAME cli/compile_tags LABELS cli
    ENVIRONMENT "COMPILE_TAGS=$<TARGET_FILE:compile_tags>")
include(cli_tests.cmake)
ps_script_test(NAME witness/qemu_elf LABELS witness)
ps_script_test(NAME golden/run LABELS golden)
ps_script_test(NAME golden/recall LABELS golden)
ps_script_test(NAME golden/system LABELS golden)
ps_script_test(NAME golden/quota LABELS golden)
ps_script_test(NAME golden/memory LABELS golden)
ps_script_test(NAME golden/pci_hole LABELS golden)
ps_script_test(NAME cli/invariance LABELS cli)
ps_plain_test(NAME stress/corrupt_images LABELS stress
    SOURCES support/child.c support/corrupt.c support/rng.c support/tmpdir.c)
set_property(TEST stress/corrupt_images APPEND PROPERTY ENVIRONMENT "POOLSCAN=$<TARGET_FILE:poolscan>")

# What golden/accuracy and bench/accuracy.sh count with; shares nothing with the program.
add_executable(accuracy_measure accuracy/measure.c accuracy/rows.c)
target_link_libraries(accuracy_measure PRIVATE ps_warnings)
target_include_directories(accuracy_measure PRIVATE ${PROJECT_SOURCE_DIR})
ps_script_test(NAME golden/accuracy LABELS golden
    ENVIRONMENT "MEASURE=$<TARGET_FILE:accuracy_measure>")
ps_script_test(NAME golden/accuracy_counts LABELS golden
    ENVIRONMENT "MEASURE=$<TARGET_FILE:accuracy_measure>")
include(containers_tests.cmake)
include(farm_tests.cmake)
ps_script_test(NAME witness/ewf LABELS witness
    ENVIRONMENT "MAKE_CONTAINER=$<TARGET_FILE:make_container>")
