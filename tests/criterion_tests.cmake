# Criterion programs, one line each.
ps_criterion_test(NAME unit/test_era LABELS unit)
ps_criterion_test(NAME unit/test_farm_plan LABELS unit SOURCES support/tmpdir.c)
ps_criterion_test(NAME unit/test_farm_cut LABELS unit SOURCES support/rng.c support/tmpdir.c)
ps_criterion_test(NAME unit/test_option_words LABELS unit)
ps_criterion_test(NAME unit/test_output_parsers LABELS unit
    SOURCES support/output_run.c support/random_findings.c support/rng.c LIBS PkgConfig::JANSSON)
ps_criterion_test(NAME unit/test_output_drakvuf LABELS unit LIBS PkgConfig::JANSSON
    SOURCES support/output_run.c support/rng.c)
ps_criterion_test(NAME unit/test_output_rows LABELS unit SOURCES support/output_run.c)
ps_criterion_test(NAME unit/test_output_sink LABELS unit SOURCES support/output_run.c)
ps_criterion_test(NAME unit/test_output_table LABELS unit SOURCES support/output_run.c)
ps_criterion_test(NAME unit/test_result LABELS unit SOURCES support/output_run.c)
ps_criterion_test(NAME unit/test_operands LABELS unit SOURCES support/rng.c)
ps_criterion_test(NAME unit/test_modules LABELS unit SOURCES support/small_memory.c)
ps_criterion_test(NAME unit/test_output_text LABELS unit)
ps_criterion_test(NAME unit/test_progress LABELS unit LIBS PkgConfig::JANSSON)
ps_criterion_test(NAME unit/test_listing LABELS unit SOURCES support/output_run.c support/tmpdir.c)
ps_criterion_test(NAME unit/test_hash LABELS unit SOURCES support/rng.c)
ps_criterion_test(NAME unit/test_tag LABELS unit)
ps_criterion_test(NAME unit/test_kuser LABELS unit)
ps_criterion_test(NAME contract/test_kernels LABELS contract
    SOURCES support/guarded.c support/kernel_cases.c support/oracle.c support/page_fills.c support/rng.c)
ps_criterion_test(NAME unit/test_late LABELS unit)
ps_criterion_test(NAME unit/test_thread_start LABELS unit)
ps_criterion_test(NAME unit/test_digest LABELS unit)
ps_criterion_test(NAME unit/test_image LABELS unit SOURCES support/tmpdir.c)
ps_criterion_test(NAME unit/test_plan_compile LABELS unit SOURCES support/rng.c)
ps_criterion_test(NAME unit/test_flow LABELS unit)
ps_criterion_test(NAME unit/test_held LABELS unit)
ps_criterion_test(NAME unit/test_available LABELS unit)
ps_criterion_test(NAME unit/test_release LABELS unit SOURCES support/rng.c)
ps_criterion_test(NAME unit/test_unpacked LABELS unit)
ps_criterion_test(NAME unit/test_ruleset LABELS unit)
ps_criterion_test(NAME unit/test_split LABELS unit SOURCES support/tmpdir.c)
ps_criterion_test(NAME unit/test_sparse LABELS unit SOURCES support/tmpdir.c)
ps_criterion_test(NAME unit/test_fault_guard LABELS unit SOURCES support/cut_file.c)
ps_criterion_test(NAME unit/test_page_judge LABELS unit)
ps_criterion_test(NAME unit/test_segment_judge LABELS unit)
ps_criterion_test(NAME unit/test_page_list LABELS unit
    SOURCES support/made_heap.c support/page_rows.c support/rng.c)
ps_criterion_test(NAME unit/test_classic_page LABELS unit)
ps_criterion_test(NAME unit/test_vectors LABELS unit)
ps_criterion_test(NAME unit/test_squeezed LABELS unit)
ps_criterion_test(NAME unit/test_vmware LABELS unit SOURCES support/tmpdir.c)
ps_criterion_test(NAME unit/test_crashdump LABELS unit
    SOURCES support/made_dump.c support/memory_bytes.c support/open_container.c support/rng.c
        support/tmpdir.c)
ps_criterion_test(NAME unit/test_lime LABELS unit
    SOURCES support/expect_container.c support/memory_bytes.c support/open_container.c)
ps_criterion_test(NAME unit/test_elf LABELS unit
    SOURCES support/expect_container.c support/memory_bytes.c support/open_container.c)
ps_criterion_test(NAME unit/test_runs LABELS unit SOURCES support/rng.c support/tmpdir.c)
ps_criterion_test(NAME unit/test_memory_bytes LABELS unit
    SOURCES support/memory_bytes.c support/open_container.c)
ps_criterion_test(NAME unit/test_recipe LABELS unit)
ps_criterion_test(NAME unit/test_recipe_pool LABELS unit)
ps_criterion_test(NAME unit/test_recipe_classic LABELS unit)
ps_criterion_test(NAME unit/test_recipe_system LABELS unit)
ps_criterion_test(NAME unit/test_recipe_heap LABELS unit SOURCES support/heap_walk.c)
ps_criterion_test(NAME unit/test_recipe_errors LABELS unit)
ps_criterion_test(NAME unit/test_recipe_write LABELS unit)
ps_criterion_test(NAME unit/test_tagdb LABELS unit)
ps_criterion_test(NAME unit/test_options LABELS unit SOURCES support/tmpdir.c)
ps_criterion_test(NAME unit/test_spans LABELS unit
    SOURCES support/made_dump.c support/rng.c support/tmpdir.c)
ps_criterion_test(NAME unit/test_pipeline_parts LABELS unit
    SOURCES support/made_dump.c support/tmpdir.c)
ps_criterion_test(NAME unit/test_pte LABELS unit)
ps_criterion_test(NAME unit/test_paging LABELS unit SOURCES support/small_memory.c)
ps_criterion_test(NAME unit/test_pagefile LABELS unit SOURCES support/small_memory.c support/tmpdir.c)
ps_criterion_test(NAME unit/test_paged_out LABELS unit SOURCES support/tmpdir.c)
ps_criterion_test(NAME unit/test_image_memory LABELS unit SOURCES support/tmpdir.c)
ps_criterion_test(NAME unit/test_dtb LABELS unit SOURCES support/small_memory.c)
ps_criterion_test(NAME unit/test_bigpool LABELS unit)
ps_criterion_test(NAME unit/test_bigpool_locate LABELS unit
    SOURCES support/bigpool_memory.c support/rng.c support/small_memory.c)
ps_criterion_test(NAME unit/test_bigpool_index LABELS unit SOURCES support/rng.c)
ps_criterion_test(NAME unit/test_bigpool_carve LABELS unit SOURCES support/rng.c)
ps_criterion_test(NAME unit/test_tracker LABELS unit
    SOURCES support/tracker_memory.c support/small_memory.c)
ps_criterion_test(NAME unit/test_quota LABELS unit SOURCES support/rng.c support/small_memory.c)
ps_criterion_test(NAME unit/test_big_owner LABELS unit)
ps_criterion_test(NAME unit/test_recipe_quota LABELS unit)
ps_criterion_test(NAME unit/test_pe LABELS unit SOURCES support/pe_image.c)
ps_criterion_test(NAME unit/test_kernel_image LABELS unit
    SOURCES support/pe_image.c support/rng.c support/small_memory.c)
ps_criterion_test(NAME unit/test_container_facts LABELS unit
    SOURCES support/tmpdir.c LIBS -Wl,--wrap=ps_image_facts)
ps_criterion_test(NAME unit/test_info_image LABELS unit SOURCES support/tmpdir.c LIBS
    -Wl,--wrap=ps_image_facts -Wl,--wrap=ps_image_notes -Wl,--wrap=ps_image_missing_bytes)
ps_criterion_test(NAME unit/test_kdbg LABELS unit)
ps_criterion_test(NAME unit/test_isf LABELS unit SOURCES support/tmpdir.c)
ps_criterion_test(NAME unit/test_locate LABELS unit
    SOURCES support/made_heap.c support/small_memory.c)
ps_criterion_test(NAME unit/test_heap_arith LABELS unit)
ps_criterion_test(NAME unit/test_addresses LABELS unit)
ps_criterion_test(NAME unit/test_vs_hostile LABELS unit)
ps_criterion_test(NAME unit/test_heap_find LABELS unit
    SOURCES support/heap_memory.c support/rng.c)
ps_criterion_test(NAME unit/test_merge LABELS unit SOURCES support/rng.c)
ps_criterion_test(NAME unit/test_tag_usage LABELS unit)
ps_criterion_test(NAME unit/test_shard LABELS unit SOURCES support/rng.c support/tmpdir.c)
ps_criterion_test(NAME unit/test_shard_findings LABELS unit SOURCES support/rng.c)
ps_criterion_test(NAME unit/test_copies LABELS unit LIBS
    -Wl,--wrap=ps_image_is_packed -Wl,--wrap=ps_image_read)
ps_criterion_test(NAME unit/test_pfn LABELS unit SOURCES support/small_memory.c)
ps_criterion_test(NAME unit/test_ewf_sections LABELS unit SOURCES support/tmpdir.c)
ps_criterion_test(NAME unit/test_xpress LABELS unit
    SOURCES containers/codecs/huffman.c containers/codecs/lznt1.c containers/codecs/matches.c
        containers/codecs/xpress.c containers/codecs/xpress_huffman.c containers/fail.c
        containers/out.c containers/ram_map.c support/rng.c)
ps_criterion_test(NAME unit/test_zdmp LABELS unit
    SOURCES containers/codecs/lznt1.c containers/codecs/matches.c containers/fail.c containers/out.c
        containers/ram_map.c support/every_byte.c support/memory_bytes.c support/packed_case.c
        support/rng.c support/tmpdir.c)
ps_criterion_test(NAME unit/test_hiber_tables LABELS unit
    SOURCES support/expect_container.c support/made_hiber.c support/memory_bytes.c
        support/open_container.c)
ps_criterion_test(NAME unit/test_hiber LABELS unit
    SOURCES support/expect_container.c support/made_hiber.c support/memory_bytes.c
        support/open_container.c)
if(POOLSCAN_ZLIB)
    ps_criterion_test(NAME unit/test_gzip LABELS unit
        SOURCES support/every_byte.c support/memory_bytes.c support/packed_case.c support/rng.c)
endif()
if(POOLSCAN_ZSTD)
    ps_criterion_test(NAME unit/test_zstd LABELS unit
        SOURCES support/every_byte.c support/memory_bytes.c support/packed_case.c support/rng.c
            support/zstd_frame.c)
    ps_criterion_test(NAME unit/test_zstd_in_place LABELS unit
        SOURCES support/memory_bytes.c support/packed_case.c support/rng.c support/zstd_frame.c)
endif()
if(POOLSCAN_LZ4)
    ps_criterion_test(NAME unit/test_lz4 LABELS unit
        SOURCES support/every_byte.c support/memory_bytes.c support/packed_case.c support/rng.c)
endif()
if(POOLSCAN_LZMA)
    ps_criterion_test(NAME unit/test_xz LABELS unit
        SOURCES support/every_byte.c support/memory_bytes.c support/packed_case.c support/rng.c)
endif()
if(POOLSCAN_SQLITE)
    ps_criterion_test(NAME unit/test_output_sqlite LABELS unit
        SOURCES support/output_run.c support/random_findings.c support/rng.c
            support/tmpdir.c
        LIBS PkgConfig::JANSSON)
endif()
