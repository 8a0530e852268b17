/* Exit statuses: sysexits values, so that schedulers and scripts can list them. */
#ifndef PS_HOST_EXIT_CODE_H
#define PS_HOST_EXIT_CODE_H

/* The exit status for a ps_err code (enum ps_code) or its negative. */
int ps_exit_code(int code);

#endif
