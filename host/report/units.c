#include "host/report/units.h"

#include <inttypes.h>
#include <stdio.h>

char *ps_print_bytes(uint64_t n_bytes, char text[PS_UNIT_TEXT_BYTES])
{
    static const char *const unit[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)n_bytes / 1024.0;
    unsigned i = 0;

    if (n_bytes < 1024) {
        snprintf(text, PS_UNIT_TEXT_BYTES, "%" PRIu64 " byte%s", n_bytes, n_bytes == 1 ? "" : "s");
        return text;
    }
    while (value >= 1024.0) {
        value /= 1024.0;
        i++;
    }
    snprintf(text, PS_UNIT_TEXT_BYTES, "%.2f %s", value, unit[i]);
    return text;
}

char *ps_print_rate(double bytes_per_s, char text[PS_UNIT_TEXT_BYTES])
{
    if (bytes_per_s >= 1e9)
        snprintf(text, PS_UNIT_TEXT_BYTES, "%.2f GB/s", bytes_per_s / 1e9);
    else
        snprintf(text, PS_UNIT_TEXT_BYTES, "%.1f MB/s", bytes_per_s / 1e6);
    return text;
}

char *ps_print_duration(uint64_t seconds, char text[PS_UNIT_TEXT_BYTES])
{
    uint64_t hours = seconds / 3600;
    unsigned minutes = (unsigned)(seconds / 60 % 60);
    unsigned rest = (unsigned)(seconds % 60);

    if (hours)
        snprintf(text, PS_UNIT_TEXT_BYTES, "%" PRIu64 ":%02u:%02u", hours, minutes, rest);
    else
        snprintf(text, PS_UNIT_TEXT_BYTES, "%u:%02u", minutes, rest);
    return text;
}
