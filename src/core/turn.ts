/** The event loop between two pieces of work. */

/** A macrotask: timers and painting come before what follows. */
export const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
