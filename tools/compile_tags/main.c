/* compile_tags OUT ROOT LIST...: the lists of tags/, which is ROOT, as C source OUT. Runs while
 * poolscan is built. A list that breaks a rule ends the build with FILE:LINE. */
#include <stdio.h>

#include "tools/compile_tags/hash.h"
#include "tools/compile_tags/lists.h"
#include "tools/compile_tags/write.h"

int main(int argc, char **argv)
{
    struct ps_lists lists = {0};
    struct ps_hash hash = {0};
    int rc = -1;

    if (argc < 4) {
        fprintf(stderr, "usage: compile_tags OUT ROOT LIST...\n");
        return 2;
    }
    if (ps_lists_read(&lists, argv[2], argv + 3, (size_t)argc - 3) == 0 &&
        ps_hash_build(&hash, lists.entry, (uint32_t)lists.n) == 0)
        rc = ps_write_table(argv[1], &lists, &hash);
    ps_hash_free(&hash);
    ps_lists_free(&lists);
    return rc == 0 ? 0 : 1;
}
