/* The settings of a session as a file of JSON. */
#ifndef PS_HOST_FARM_SESSION_SETTINGS_H
#define PS_HOST_FARM_SESSION_SETTINGS_H

#include "host/farm/session/session.h"

/* As ps_sink_open and ps_sink_close. */
int ps_session_settings_write(const struct ps_session_settings *s, const char *plan_id,
                              const char *path, struct ps_err *err);
/* PS_EFORMAT when they are damaged or of another plan; PS_ENOMEM. */
int ps_session_settings_read(struct ps_session_settings *out, const struct ps_farm_plan *plan,
                             const char *path, struct ps_err *err);

#endif
