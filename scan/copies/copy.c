#include "scan/copies/copy.h"

#include "scan/pool/evidence.h"

int ps_copy_possible(const struct ps_finding *f)
{
    return !(f->evidence & PS_EV_MAPPED) || (f->evidence & PS_EV_FILE_PAGE);
}

void ps_copy_mark(struct ps_finding *f, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        f[i].evidence |= PS_EV_COPY;
        f[i].confidence = ps_evidence_score(f[i].evidence);
        if (f[i].status != PS_STATUS_FREE)
            f[i].status = PS_STATUS_STALE;
    }
}
