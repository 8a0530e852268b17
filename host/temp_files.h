/* The temporary files that have a name, so that even an exit from a signal handler leaves none
 * behind. */
#ifndef PS_HOST_TEMP_FILES_H
#define PS_HOST_TEMP_FILES_H

/* So many are known at once, with paths of less than so many bytes; others stay behind when the
 * process does not end in good order. */
#define PS_TEMP_FILES           8u
#define PS_TEMP_FILE_PATH_BYTES 4096u

/* Any thread. The file has this path from now on, or soon. */
void ps_temp_files_add(const char *path);
/* It is gone, or has another name now. */
void ps_temp_files_forget(const char *path);

/* Remove all of them. Async-signal-safe; nothing else of this module is called after it. */
void ps_temp_files_remove(void);

#endif
