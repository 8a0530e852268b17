/* --task: which task of a plan this process is to do. */
#ifndef PS_HOST_FARM_PLAN_TASK_NUMBER_H
#define PS_HOST_FARM_PLAN_TASK_NUMBER_H

#include <stdint.h>

#include "scan/err.h"

/* Read a number, or for "auto" what the environment of an array job says (docs/FARM.md has the
 * variables; those that count from 1 are taken down by one). PS_EARG when it is no number below
 * n_tasks, or no variable or more than one of them says one. */
int ps_farm_task_number(const char *text, uint64_t n_tasks, uint32_t *out, struct ps_err *err);

#endif
