/* Addresses as people type them. */
#ifndef PS_HOST_VIRTUAL_ADDRESS_H
#define PS_HOST_VIRTUAL_ADDRESS_H

#include <stdint.h>

#include "scan/err.h"

/* Hexadecimal, with or without 0x, with the debugger's ` anywhere between digits:
 * fffff780`00000000. PS_EARG, naming 'what', for anything else and beyond 64 bits. */
int ps_address_parse(const char *text, const char *what, uint64_t *out, struct ps_err *err);

#endif
