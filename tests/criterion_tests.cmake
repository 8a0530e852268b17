# Criterion programs, one line each.
ps_criterion_test(NAME unit/test_era LABELS unit)
ps_criterion_test(NAME unit/test_tag LABELS unit)
ps_criterion_test(NAME unit/test_kuser LABELS unit)
ps_criterion_test(NAME contract/test_kernels LABELS contract
    SOURCES support/guarded.c support/kernel_cases.c support/oracle.c support/page_fills.c support/rng.c)
ps_criterion_test(NAME unit/test_digest LABELS unit)
ps_criterion_test(NAME unit/test_image LABELS unit SOURCES support/tmpdir.c)
ps_criterion_test(NAME unit/test_plan_compile LABELS unit)
ps_criterion_test(NAME unit/test_ruleset LABELS unit)
ps_criterion_test(NAME unit/test_split LABELS unit SOURCES support/tmpdir.c)
ps_criterion_test(NAME unit/test_sparse LABELS unit SOURCES support/tmpdir.c)
ps_criterion_test(NAME unit/test_fault_guard LABELS unit SOURCES support/cut_file.c)
ps_criterion_test(NAME unit/test_page_judge LABELS unit)
