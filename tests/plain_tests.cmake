# Programs with main() and shell scripts, one line each.
