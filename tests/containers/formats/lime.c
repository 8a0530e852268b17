/* LiME: each run behind a header that says where it begins and where its last byte is. */
#include "tests/containers/maker.h"
#include "tests/containers/out.h"

void write_lime(struct maker *maker)
{
    struct out out;

    out_open(&out, maker->out);
    for (size_t i = 0; i < maker->ram.n; i++) {
        const struct ram_run *run = &maker->ram.run[i];
        uint8_t head[32] = {'E', 'M', 'i', 'L', 1};

        set64(head + 8, run->start);
        set64(head + 16, run->end - 1);
        out_bytes(&out, head, sizeof head);
        out_ram(&out, &maker->ram, run->start, run->end - run->start);
    }
    out_close(&out);
}
