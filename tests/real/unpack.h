/* An .xz file unpacked into a sparse one. */
#ifndef PS_TESTS_REAL_UNPACK_H
#define PS_TESTS_REAL_UNPACK_H

/* Ends the program when that fails. */
void unpack_xz(const char *xz_path, const char *to_path);

#endif
