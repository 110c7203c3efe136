/** Maximum number of threads: each is a worker of the runtime, with some MB of its own. */
export const MAX_THREADS = 128;
