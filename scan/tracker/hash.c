#include "scan/tracker/hash.h"

#define MULTIPLIER UINT64_C(40543)

uint32_t ps_tracker_home(uint32_t tag, uint32_t mask)
{
    const uint64_t product = MULTIPLIER * tag;

    return ((uint32_t)product ^ (uint32_t)(product >> 32)) & mask;
}

int ps_tracker_is_near(uint32_t tag, uint32_t slot, uint32_t mask)
{
    return ((slot - ps_tracker_home(tag, mask)) & mask) <= PS_TRACKER_NEAR;
}
