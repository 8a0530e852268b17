#include "scan/windows/symbols/known_kernels.h"

#include <stdlib.h>
#include <string.h>

#include "scan/windows/kernel/pe.h"

/* A line is: GUID age version, then an address or '-' for each symbol. */
static int has_key(const char *line, const char *guid, uint32_t age)
{
    return strncmp(line, guid, PS_GUID_TEXT_BYTES - 1) == 0 &&
           line[PS_GUID_TEXT_BYTES - 1] == ' ' &&
           strtoul(line + PS_GUID_TEXT_BYTES, NULL, 16) == age;
}

static const char *next_word(const char *p)
{
    while (*p != ' ' && *p != '\n' && *p != '\0')
        p++;
    while (*p == ' ')
        p++;
    return p;
}

static void take_line(const char *line, uint32_t rva[PS_N_LISTED_SYMBOLS],
                      char version[PS_KERNEL_VERSION_BYTES])
{
    const char *p = next_word(next_word(line));
    size_t n = strcspn(p, " \n");

    if (n > PS_KERNEL_VERSION_BYTES - 1)
        n = PS_KERNEL_VERSION_BYTES - 1;
    memcpy(version, p, n);
    version[n] = '\0';
    for (size_t i = 0; i < PS_N_LISTED_SYMBOLS; i++) {
        p = next_word(p);
        rva[i] = *p == '-' ? 0 : (uint32_t)strtoul(p, NULL, 16);
    }
}

int ps_known_kernel(const uint8_t guid[16], uint32_t age, uint32_t rva[PS_N_LISTED_SYMBOLS],
                    char version[PS_KERNEL_VERSION_BYTES])
{
    char text[PS_GUID_TEXT_BYTES];
    const char *line = ps_kernels_list;

    ps_guid_text(guid, text);
    while (line && *line) {
        if (has_key(line, text, age)) {
            take_line(line, rva, version);
            return 1;
        }
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    return 0;
}
