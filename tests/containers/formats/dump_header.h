/* The header of a crash dump. What is not known is left full of the text PAGE, as Windows does. */
#ifndef PS_TESTS_CONTAINERS_FORMATS_DUMP_HEADER_H
#define PS_TESTS_CONTAINERS_FORMATS_DUMP_HEADER_H

#include <stdint.h>

#include "tests/containers/maker.h"

/* 0x2000 and 0x1000 bytes at 'header'; 'type' is DumpType. Ends the program when there are more
 * runs than a header has room for. */
void dump_header_64(uint8_t *header, const struct maker *maker, uint32_t type);
void dump_header_32(uint8_t *header, const struct maker *maker, uint32_t type);

#endif
