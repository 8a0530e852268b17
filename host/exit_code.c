#include "host/exit_code.h"

#include "scan/err.h"

static const int exit_codes[] = {
    [PS_OK] = 0,
    [PS_EARG] = 64,
    [PS_EFORMAT] = 65,
    [PS_ENOENT] = 66,
    [PS_EDEVICE] = 69,
    [PS_EINTERNAL] = 70,
    [PS_ENOMEM] = 70,
    [PS_ECREATE] = 73,
    [PS_EIO] = 74,
    [PS_ETEMP] = 75,
    [PS_ECANCEL] = 130,
    [PS_ENONE] = 1,
};

int ps_exit_code(int code)
{
    unsigned c = (unsigned)(code < 0 ? -code : code);

    return c < sizeof exit_codes / sizeof *exit_codes ? exit_codes[c] : 70;
}
