#include "host/output/writer.h"
const struct ps_writer_ops ps_writer_table = {
    .name = "table",
};
