# Writers of every container that the program reads; they link nothing of it.
add_library(container_codecs STATIC
    containers/fail.c
    containers/out.c
    containers/ram_map.c
    containers/codecs/huffman.c
    containers/codecs/lznt1.c
    containers/codecs/matches.c
    containers/codecs/xpress.c
    containers/codecs/xpress_huffman.c)
target_link_libraries(container_codecs PRIVATE ps_warnings)
add_executable(make_container containers/main.c
    containers/formats/dump.c
    containers/formats/dump_header.c
    containers/formats/elf.c
    containers/formats/elf_notes.c
    containers/formats/hiber7.c
    containers/formats/hiber8.c
    containers/formats/lime.c
    containers/formats/page_order.c
    containers/formats/raw.c
    containers/formats/vmware.c
    containers/formats/zdmp.c)
target_link_libraries(make_container PRIVATE container_codecs ps_warnings)
target_include_directories(make_container PRIVATE ${PROJECT_SOURCE_DIR})
ps_script_test(NAME golden/containers LABELS golden
    ENVIRONMENT "MAKE_CONTAINER=$<TARGET_FILE:make_container>")
ps_script_test(NAME golden/farm LABELS golden
    ENVIRONMENT "MAKE_CONTAINER=$<TARGET_FILE:make_container>")
ps_plain_test(NAME unit/encoders LABELS unit SOURCES support/rng.c LIBS container_codecs)
target_link_libraries(encoders PRIVATE PkgConfig::FWNT)
ps_script_test(NAME cli/elf LABELS cli ENVIRONMENT "MAKE_CONTAINER=$<TARGET_FILE:make_container>")
ps_plain_test(NAME stress/corrupt_containers LABELS stress
    SOURCES support/child.c support/rng.c support/tmpdir.c)
set_property(TEST stress/corrupt_containers APPEND PROPERTY ENVIRONMENT
    "POOLSCAN=$<TARGET_FILE:poolscan>" "MAKE_CONTAINER=$<TARGET_FILE:make_container>")
