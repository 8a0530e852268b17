/* poolscan bench [IMAGE] */
#include "host/commands/commands.h"

#include "host/bench/bench.h"

int ps_cmd_bench(const struct ps_options *opt, struct ps_err *err)
{
    return ps_bench_run(opt, err);
}
