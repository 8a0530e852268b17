/* Errors are values: a code, where, and one clear sentence. */
#ifndef PS_SCAN_ERR_H
#define PS_SCAN_ERR_H

#include <stdint.h>

/* Why something failed. host/exit_code.c maps each to one exit status (sysexits). */
enum ps_code {
    PS_OK = 0,
    PS_EARG,      /* wrong use: option, tag syntax, recipe */
    PS_EFORMAT,   /* an image or tag file is damaged, or not what it claims to be */
    PS_ENOENT,    /* no such input file */
    PS_EDEVICE,   /* OpenCL loader, platform, device or program is not available */
    PS_EINTERNAL, /* our own fault, a self-test mismatch included */
    PS_ENOMEM,    /* out of memory, on the host or on a device */
    PS_ECREATE,   /* an output cannot be created */
    PS_EIO,       /* reading or writing failed */
    PS_ETEMP,     /* try again: told to stop by a scheduler */
    PS_ECANCEL,   /* interrupted by the user */
    PS_ENONE,     /* nothing found, where the caller called that an error */
};

#define PS_AT_NONE UINT64_MAX

struct ps_err {
    int code;     /* enum ps_code */
    uint64_t at;  /* byte offset, line number or address to look at; PS_AT_NONE if none */
    char msg[256]; /* what is wrong and what to do about it; no newline, no program name */
};

/* Fill *err (may not be NULL) and return -code: 'return ps_fail(err, PS_EIO, off, ...)'.
 * A function that returns int gives 0 or more on success and such a value on failure; *err
 * is written only then. */
int ps_fail(struct ps_err *err, enum ps_code code, uint64_t at, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
