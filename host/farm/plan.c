#include "host/farm/plan.h"

#include <stdlib.h>
#include <string.h>

#include "host/image/runs.h"
#include "kernels/pool_header.h"

const char *ps_farm_part_name(enum ps_farm_part part)
{
    static const char *const names[] = {
        [PS_FARM_RANGE] = "range", [PS_FARM_VIRTUAL] = "virtual", [PS_FARM_WHOLE] = "whole"};

    return names[part];
}

uint32_t ps_farm_image_end(const struct ps_farm_plan *plan, uint32_t first)
{
    uint32_t end = first + 1;

    while (end < plan->n_tasks && plan->task[end].image_number == plan->task[first].image_number)
        end++;
    return end;
}

/* Room for one more item; lists are grown at each power of two, so that no capacity is kept. */
static int make_room(void *list_at, size_t n, size_t item_bytes, struct ps_err *err)
{
    void *list;
    void *bigger;

    if ((n & (n - 1)) != 0)
        return 0;
    memcpy(&list, list_at, sizeof list);
    bigger = realloc(list, (n ? 2 * n : 1) * item_bytes);
    if (!bigger)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for a plan");
    memcpy(list_at, &bigger, sizeof bigger);
    return 0;
}

int ps_farm_plan_text(struct ps_farm_plan *plan, const char *text, const char **out,
                      struct ps_err *err)
{
    int rc = make_room(&plan->owned, plan->n_owned, sizeof *plan->owned, err);
    char *copy;

    if (rc < 0)
        return rc;
    copy = strdup(text);
    if (!copy)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for a plan");
    plan->owned[plan->n_owned++] = copy;
    *out = copy;
    return 0;
}

int ps_farm_plan_word(struct ps_farm_plan *plan, const char *word, struct ps_err *err)
{
    const char *copy = NULL;
    int rc;

    if (plan->n_words >= PS_FARM_PLAN_MAX_WORDS)
        return ps_fail(err, PS_EFORMAT, PS_AT_NONE, "a plan with more than %u words of options",
                       (unsigned)PS_FARM_PLAN_MAX_WORDS);
    rc = make_room(&plan->word, plan->n_words, sizeof *plan->word, err);
    if (rc == 0)
        rc = ps_farm_plan_text(plan, word, &copy, err);
    if (rc == 0)
        plan->word[plan->n_words++] = copy;
    return rc;
}

static const struct ps_farm_task *last_task(const struct ps_farm_plan *plan)
{
    return plan->n_tasks ? &plan->task[plan->n_tasks - 1] : NULL;
}

static int is_same_image(const struct ps_farm_task *a, const struct ps_farm_task *b)
{
    return strcmp(a->image, b->image) == 0 && a->image_bytes == b->image_bytes &&
           strcmp(a->identity, b->identity) == 0;
}

static int check_place(const struct ps_farm_task *task, struct ps_err *err)
{
    if (task->image[0] != '/')
        return ps_fail(err, PS_EFORMAT, PS_AT_NONE, "the image is no absolute path");
    if (task->start % PS_PAGE_BYTES != 0 || task->end % PS_PAGE_BYTES != 0)
        return ps_fail(err, PS_EFORMAT, PS_AT_NONE, "start and end must be multiples of 0x1000");
    if (task->end > PS_PHYS_END || task->start >= task->end)
        return ps_fail(err, PS_EFORMAT, PS_AT_NONE,
                       "start must be below end, and end 0x10000000000000 at most");
    return 0;
}

/* Where the ranges of the image begin that the last task is one of. */
static uint64_t first_start(const struct ps_farm_plan *plan)
{
    size_t i = plan->n_tasks - 1;

    while (i > 0 && plan->task[i - 1].image_number == plan->task[i].image_number)
        i--;
    return plan->task[i].start;
}

/* May 'task' stand behind the last one, which is a range: the next one of the same image, or its
 * virtual side? */
static int check_follows(const struct ps_farm_plan *plan, const struct ps_farm_task *task,
                         struct ps_err *err)
{
    const struct ps_farm_task *last = last_task(plan);

    if (task->part == PS_FARM_WHOLE || !is_same_image(last, task))
        return ps_fail(err, PS_EFORMAT, PS_AT_NONE,
                       "the image before has ranges and no virtual side");
    if (task->part == PS_FARM_RANGE && task->start != last->end)
        return ps_fail(err, PS_EFORMAT, PS_AT_NONE,
                       "the range does not begin where the one before ended");
    if (task->part == PS_FARM_VIRTUAL &&
        (task->end != last->end || task->start != first_start(plan)))
        return ps_fail(err, PS_EFORMAT, PS_AT_NONE,
                       "the virtual side does not cover what the ranges cover");
    return 0;
}

static int keep_image(struct ps_farm_plan *plan, struct ps_farm_task *task, int is_new,
                      struct ps_err *err)
{
    const struct ps_farm_task *last = last_task(plan);

    task->image_number = plan->n_images;
    if (is_new)
        return ps_farm_plan_text(plan, task->image, &task->image, err);
    task->image_number = last->image_number;
    task->image = last->image;
    return 0;
}

int ps_farm_plan_add(struct ps_farm_plan *plan, const struct ps_farm_task *task, struct ps_err *err)
{
    const struct ps_farm_task *last = last_task(plan);
    const int is_new = !last || last->part != PS_FARM_RANGE;
    struct ps_farm_task add = *task;
    int rc = check_place(task, err);

    if (rc == 0 && plan->n_tasks >= PS_FARM_PLAN_MAX_TASKS)
        rc =
            ps_fail(err, PS_EFORMAT, PS_AT_NONE, "a plan with more than %u tasks: make them larger",
                    (unsigned)PS_FARM_PLAN_MAX_TASKS);
    if (rc == 0 && is_new && task->part == PS_FARM_VIRTUAL)
        rc = ps_fail(err, PS_EFORMAT, PS_AT_NONE, "a virtual side without ranges before it");
    if (rc == 0 && !is_new)
        rc = check_follows(plan, task, err);
    if (rc == 0)
        rc = make_room(&plan->task, plan->n_tasks, sizeof *plan->task, err);
    if (rc == 0)
        rc = keep_image(plan, &add, is_new, err);
    if (rc < 0)
        return rc;
    add.number = (uint32_t)plan->n_tasks;
    plan->task[plan->n_tasks++] = add;
    plan->n_images += (uint32_t)is_new;
    return 0;
}

void ps_farm_plan_free(struct ps_farm_plan *plan)
{
    for (size_t i = 0; i < plan->n_owned; i++)
        free(plan->owned[i]);
    free(plan->owned);
    free(plan->word);
    free(plan->task);
    *plan = (struct ps_farm_plan){0};
}
