/* The totals of a scan as its last line. */
#ifndef PS_HOST_RUN_SCAN_SUMMARY_H
#define PS_HOST_RUN_SCAN_SUMMARY_H

#include "host/digest.h"
#include "host/options.h"
#include "host/run/collector.h"

/* Print it to standard error, for people or with --status-json. 'backend' is what did the work. */
void ps_scan_summary_print(const struct ps_options *opt, const struct ps_scan_totals *t,
                           const struct ps_digest *digest, const char *backend, double seconds,
                           int interrupted);

#endif
