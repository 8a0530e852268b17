#include "host/cli/generate/generate.h"

#include <string.h>

#include "host/cli/option_table.h"
#include "host/options.h"

int ps_options_generate(const char *what, FILE *out, struct ps_err *err)
{
    static const struct {
        const char *name;
        void (*print)(FILE *out);
    } texts[] = {
        {"man",           ps_generate_man },
        {"complete-bash", ps_generate_bash},
        {"complete-zsh",  ps_generate_zsh },
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (strcmp(texts[i].name, what) == 0) {
            texts[i].print(out);
            return 0;
        }
    }
    return ps_fail(err, PS_EARG, PS_AT_NONE, "--generate %.48s: no such text", what);
}
