# Programs with main() and shell scripts, one line each.
ps_plain_test(NAME stress/fault_guard_stress LABELS stress SOURCES support/cut_file.c)
