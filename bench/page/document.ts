/** In a page, charts are drawn into its own document; elsewhere a library stands in for one. */

export const parseHTML = (): { document: Document } => ({ document });
