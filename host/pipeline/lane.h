/* The work of one thread of the pipeline. */
#ifndef PS_HOST_PIPELINE_LANE_H
#define PS_HOST_PIPELINE_LANE_H

#include "host/pipeline/pipeline.h"
#include "host/pipeline/ring.h"
#include "host/pipeline/source.h"

/* What all lanes of a run share. */
struct ps_run_state {
    const struct ps_pipeline_spec *spec;
    struct ps_source source;
    struct ps_ring ring;
};

struct ps_lane {
    struct ps_run_state *run;
    unsigned index;
    pthread_t thread;
    int started;
};

/* Thread body; arg is a struct ps_lane. Errors go to the ring. */
void *ps_lane_main(void *arg);

#endif
