/* One function per verb: options in, 0 or a negative -PS_E... out. Results go to standard
 * output or opt->output, talk to standard error through host/log.h. None exits. A
 * command that has told its failure already returns it with an empty err->msg. */
#ifndef PS_HOST_COMMANDS_COMMANDS_H
#define PS_HOST_COMMANDS_COMMANDS_H

#include "host/options.h"
#include "scan/err.h"

int ps_cmd_scan(const struct ps_options *opt, struct ps_err *err);
int ps_cmd_find(const struct ps_options *opt, struct ps_err *err);
int ps_cmd_bigpools(const struct ps_options *opt, struct ps_err *err);
int ps_cmd_unknown(const struct ps_options *opt, struct ps_err *err); /* tags --unknown */
int ps_cmd_tags(const struct ps_options *opt, struct ps_err *err);
int ps_cmd_devices(const struct ps_options *opt, struct ps_err *err);
int ps_cmd_bench(const struct ps_options *opt, struct ps_err *err);
int ps_cmd_mkimage(const struct ps_options *opt, struct ps_err *err);
int ps_cmd_info(const struct ps_options *opt, struct ps_err *err);
int ps_cmd_vtop(const struct ps_options *opt, struct ps_err *err);
int ps_cmd_ptov(const struct ps_options *opt, struct ps_err *err);
int ps_cmd_used(const struct ps_options *opt, struct ps_err *err);
int ps_cmd_pool(const struct ps_options *opt, struct ps_err *err);
int ps_cmd_plan(const struct ps_options *opt, struct ps_err *err);
int ps_cmd_farm(const struct ps_options *opt, struct ps_err *err);
int ps_cmd_diff(const struct ps_options *opt, struct ps_err *err);
int ps_cmd_keyspace(const struct ps_options *opt, struct ps_err *err);
int ps_cmd_task(const struct ps_options *opt, struct ps_err *err); /* scan --plan */
int ps_cmd_session(const struct ps_options *opt, struct ps_err *err); /* --session, --restore */
int ps_cmd_merge(const struct ps_options *opt, struct ps_err *err);

#endif
