# Criterion programs, one line each.
