# Writers of every container that the program reads; they link nothing of it.
add_executable(make_container containers/main.c
    containers/fail.c
    containers/out.c
    containers/ram_map.c
    containers/formats/dump.c
    containers/formats/dump_header.c
    containers/formats/elf.c
    containers/formats/elf_notes.c
    containers/formats/lime.c)
target_link_libraries(make_container PRIVATE ps_warnings)
target_include_directories(make_container PRIVATE ${PROJECT_SOURCE_DIR})
ps_script_test(NAME golden/containers LABELS golden
    ENVIRONMENT "MAKE_CONTAINER=$<TARGET_FILE:make_container>")
