#include "scan/err.h"

#include <stdarg.h>
#include <stdio.h>

int ps_fail(struct ps_err *err, enum ps_code code, uint64_t at, const char *fmt, ...)
{
    va_list ap;

    err->code = (int)code;
    err->at = at;
    va_start(ap, fmt);
    vsnprintf(err->msg, sizeof err->msg, fmt, ap);
    va_end(ap);
    return -(int)code;
}
