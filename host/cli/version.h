/* What this program is made of. */
#ifndef PS_HOST_CLI_VERSION_H
#define PS_HOST_CLI_VERSION_H

#include <stdio.h>

/* "poolscan 0.1.0"; with 'verbose' also the features it was built with, the CPU kernels and
 * whether this CPU runs them, and the run-time versions of the libraries. */
void ps_version_print(int verbose, FILE *out);

#endif
