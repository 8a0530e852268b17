/* Texts made from the option table. */
#ifndef PS_HOST_CLI_GENERATE_GENERATE_H
#define PS_HOST_CLI_GENERATE_GENERATE_H

#include <stdio.h>

/* The manual page poolscan(1), in the man macros of roff. */
void ps_generate_man(FILE *out);

/* Completion of words for a shell, to be sourced (bash) or put into fpath (zsh). */
void ps_generate_bash(FILE *out);
void ps_generate_zsh(FILE *out);

#endif
