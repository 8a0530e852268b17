/* --task: which tasks of a plan this process is to do. */
#ifndef PS_HOST_FARM_PLAN_TASK_NUMBER_H
#define PS_HOST_FARM_PLAN_TASK_NUMBER_H

#include <stdint.h>

#include "scan/err.h"

struct ps_farm_task_range {
    uint32_t first, last;
};

/* Read K, K-L (both included), "all", or "auto": what the environment of an array job says
 * (docs/FARM.md has the variables; those that count from 1 are taken down by one). With 'each' of
 * --tasks-each, from 1 on, K and the environment count groups of so many tasks; the last one may
 * have fewer. PS_EARG when a number is none or beyond the plan, when no variable or more than one
 * of them says one, and when 'each' is not 1 with words that count no groups. */
int ps_farm_task_range(const char *text, uint32_t each, uint64_t n_tasks,
                       struct ps_farm_task_range *out, struct ps_err *err);

#endif
