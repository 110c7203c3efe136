/**
 * Marks a `SentenceEncoder`, so that what trains one recognizes it without importing its class: that
 * would bring the code of inference into every bundle that trains another model.
 */
export const SENTENCE_ENCODER = 'nearfar.SentenceEncoder';
