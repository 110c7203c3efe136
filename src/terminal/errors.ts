/** Errors that the program reports in one line, without a stack trace. */

/** Something that the user can put right: one line, exit status 2. */
export class InputError extends Error {}

/** The user stopped the work: one line that says what became of it, exit status 130. */
export class Interrupted extends Error {}
