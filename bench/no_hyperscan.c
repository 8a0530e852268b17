/* A build without libhyperscan-dev: the same functions, and no rows. */
#include "bench/others.h"

int hs_job_new(struct hs_job **out, const char *fixed, const char *regex, struct ps_err *err)
{
    (void)out;
    (void)fixed;
    (void)regex;
    return ps_fail(err, PS_EDEVICE, PS_AT_NONE, "built without Hyperscan");
}

int hs_job_scan(struct hs_job *job, const uint8_t *mem, size_t n_bytes, uint64_t *n_matches,
                struct ps_err *err)
{
    (void)job;
    (void)mem;
    (void)n_bytes;
    (void)n_matches;
    return ps_fail(err, PS_EDEVICE, PS_AT_NONE, "built without Hyperscan");
}

void hs_job_free(struct hs_job *job)
{
    (void)job;
}

const char *hs_version_text(void)
{
    return "not built in";
}
