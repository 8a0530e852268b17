/* Amounts as people read them. Each function writes into the text it is given and returns it. */
#ifndef PS_HOST_REPORT_UNITS_H
#define PS_HOST_REPORT_UNITS_H

#include <stdint.h>

#define PS_UNIT_TEXT_BYTES 32

/* "1 byte", "512 bytes", "4.00 KiB", "1.50 GiB": binary units, for sizes. */
char *ps_print_bytes(uint64_t n_bytes, char text[PS_UNIT_TEXT_BYTES]);

/* "9.34 GB/s", "12.0 MB/s": decimal units, as memory and disks are rated. */
char *ps_print_rate(double bytes_per_s, char text[PS_UNIT_TEXT_BYTES]);

/* "0:07", "12:34", "1:02:03". */
char *ps_print_duration(uint64_t seconds, char text[PS_UNIT_TEXT_BYTES]);

#endif
