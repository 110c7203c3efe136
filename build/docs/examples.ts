/**
 * Reads the examples of a page, so that tests run them. The word after the language of a code
 * block says where:
 *
 *   ```js             in Node; a comment behind or below each console.log says what it prints
 *   ```js page        in a page (Chromium), bundled; prints to the console likewise
 *   ```js worker      in workerd, as a module with a `fetch`; the next block answers a request
 *   ```sh             in a shell, where `npx nearfar` is the package; a following ```text block is
 *                     what it prints, where … stands for anything
 *   ```csv [faq.csv]  is written to that file before the following blocks run; any language
 *
 * All blocks of a page share one folder, in the order of the page.
 */

/** A code block of a page. */
export interface Example {
  language: string;
  /** Where it runs: '' for Node, `page`, `worker`. */
  where: string;
  /** File that it is written to, instead of being run. */
  file: string | undefined;
  code: string;
  /** Line of the page that it begins at. */
  line: number;
  /** Output of a shell, from the `text` block that follows. */
  output: string | undefined;
}

/** Languages that run somewhere; others are for reading, unless they name a file. */
const RUN = new Set(['js', 'sh']);

const BLOCK = /^```(\w+)(?: (page|worker))?(?: \[([^\]]+)\])?[^\n]*\n([\s\S]*?)^```$/gm;

/** Lists the code blocks of a page that are run or written to a file. */
export function readExamples(page: string): Example[] {
  const all = [...page.matchAll(BLOCK)].map((match) => ({
    language: match[1] as string,
    where: match[2] ?? '',
    file: match[3],
    code: match[4] as string,
    line: page.slice(0, match.index).split('\n').length,
    output: undefined as string | undefined,
  }));
  all.forEach((example, i) => {
    const before = all[i - 1];
    if (example.language === 'text' && before?.language === 'sh') before.output = example.code;
  });
  return all.filter(({ language, file }) => file !== undefined || RUN.has(language));
}

/** Lists code blocks in a language of JavaScript that no test would run. */
export function unrunBlocks(page: string): string[] {
  return [...page.matchAll(/^```(\w+)/gm)]
    .map((match) => match[1] as string)
    .filter((language) =>
      ['ts', 'mjs', 'javascript', 'typescript', 'bash', 'shell'].includes(language),
    );
}

/**
 * Returns the output that an example promises: the comment at the end of each line with
 * console.log, or the one on the line below.
 * @throws if a console.log has none
 */
export function promisedOutput(code: string): string[] {
  const lines = code.split('\n');
  return lines.flatMap((line, i) => {
    const match = /console\.log\(.*\);(?: \/\/ (.*))?$/.exec(line);
    if (match === null) return [];
    const below = /^\s*\/\/ (.*)$/.exec(lines[i + 1] ?? '');
    const text = match[1] ?? below?.[1];
    if (text === undefined) throw new Error(`no comment says what this prints: ${line}`);
    return [text];
  });
}

/** Tells whether a line is as promised, where … stands for anything. */
export function fitsLine(line: string, promised: string): boolean {
  const parts = promised.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(line);
}
