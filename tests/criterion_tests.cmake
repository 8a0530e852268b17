# Criterion programs, one line each.
ps_criterion_test(NAME unit/test_era LABELS unit)
ps_criterion_test(NAME unit/test_tag LABELS unit)
ps_criterion_test(NAME unit/test_kuser LABELS unit)
ps_criterion_test(NAME unit/test_digest LABELS unit)
ps_criterion_test(NAME unit/test_image LABELS unit SOURCES support/tmpdir.c)
ps_criterion_test(NAME unit/test_plan_compile LABELS unit)
ps_criterion_test(NAME unit/test_ruleset LABELS unit)
