/* The journal of what would have happened on the devices: one line a call, its kind first. */
void journal(const char *kind, const char *format, ...) __attribute__((format(printf, 2, 3)));
