#include "host/image/packed/ewf/names.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define N_DIGITS  99u
#define N_LETTERS 26u

int ps_ewf_name(char *name, size_t n_name, const char *path, size_t number)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    const char *dot = strrchr(base, '.');
    const size_t above = number > N_DIGITS ? number - N_DIGITS - 1 : 0;
    const int stem = dot ? (int)(dot + 1 - base) : 0;
    char first;

    if (!number || !dot || strlen(dot) != 4 || !strchr("EeSs", dot[1]))
        return 0;
    first = (char)(dot[1] + (char)(above / (N_LETTERS * N_LETTERS)));
    if (!isalpha((unsigned char)first) || above / (N_LETTERS * N_LETTERS) >= N_LETTERS)
        return 0;
    if (number <= N_DIGITS)
        snprintf(name, n_name, "%.*s%c%02zu", stem, base, first, number);
    else
        snprintf(name, n_name, "%.*s%c%c%c", stem, base, first,
                 (isupper((unsigned char)first) ? 'A' : 'a') + (int)(above / N_LETTERS % N_LETTERS),
                 (isupper((unsigned char)first) ? 'A' : 'a') + (int)(above % N_LETTERS));
    return 1;
}
