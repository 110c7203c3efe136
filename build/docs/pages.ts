/**
 * Lists the pages of the documentation. A page is a file of Markdown in one of the folders of
 * src/docs; the sidebar shows the folders in the order below, and pages by the `order` of their
 * front matter.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DOCS, REFERENCE } from './reference.js';

/** Folders of pages, and their titles in the sidebar. */
export const SECTIONS: readonly { folder: string; title: string }[] = [
  { folder: 'start', title: 'Start' },
  { folder: 'guides', title: 'Guides' },
  { folder: 'tutorial', title: 'Tutorial' },
  { folder: 'from', title: 'Coming from' },
  { folder: 'how', title: 'How it works' },
  { folder: 'figures', title: 'Figures' },
];

/** A page, as it is written. */
export interface Page {
  /** Path below src/docs. */
  path: string;
  title: string;
  order: number;
  text: string;
}

function readPage(path: string): Page {
  const text = readFileSync(join(DOCS, path), 'utf8');
  const title = /^# (.+)$/m.exec(text)?.[1];
  if (title === undefined) throw new Error(`${path} has no heading of the first level`);
  const order = /^---\n[\s\S]*?^order: (\d+)$[\s\S]*?^---$/m.exec(text)?.[1];
  return { path, title: title.replace(/`/g, ''), order: Number(order ?? 100), text };
}

/** Reads the pages of a folder in the order of the sidebar. */
export function pagesOf(folder: string): Page[] {
  if (!existsSync(join(DOCS, folder))) return [];
  return readdirSync(join(DOCS, folder), { encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => readPage(join(folder, file)))
    .sort((a, b) => a.order - b.order || (a.path < b.path ? -1 : 1));
}

/** Reads all written pages. */
export const allPages = (): Page[] => SECTIONS.flatMap(({ folder }) => pagesOf(folder));

interface Item {
  text: string;
  link?: string;
  items?: Item[];
  collapsed?: boolean;
}

const link = (path: string): string => `/${path.replace(/(index)?\.md$/, '')}`;

/** Groups of the reference by the names of TypeDoc's folders. */
const KINDS: Readonly<Record<string, string>> = {
  functions: 'Functions',
  classes: 'Classes',
  variables: 'Constants',
  interfaces: 'Options and results',
  'type-aliases': 'Types',
};

/** Names of an entry's exports by kind. */
function entryItems(folder: string): Item[] {
  return Object.entries(KINDS).flatMap(([kind, text]) => {
    const path = join(REFERENCE, folder, kind);
    if (!existsSync(path)) return [];
    const items = readdirSync(path)
      .filter((file) => file.endsWith('.md'))
      .sort()
      .map((file) => ({
        text: file.replace('.md', ''),
        link: link(`reference/${folder}/${kind}/${file}`),
      }));
    return [{ text, items, collapsed: kind !== 'functions' }];
  });
}

/** Builds the sidebars: one of all pages, one for each entry of the reference. */
export function sidebar(entryNames: readonly string[]): Record<string, Item[]> {
  const reference = {
    text: 'Reference',
    items: entryNames.map((name) => ({ text: name, link: `/reference/${name}/` })),
  };
  const written = SECTIONS.map(({ folder, title }) => ({
    text: title,
    items: pagesOf(folder).map(({ title: text, path }) => ({ text, link: link(path) })),
  })).filter(({ items }) => items.length > 0);
  const all: Record<string, Item[]> = {};
  // The longest prefix that fits a page chooses its sidebar.
  for (const name of [...entryNames].sort((a, b) => b.length - a.length)) {
    all[`/reference/${name}/`] = [reference, ...entryItems(name)];
  }
  all['/reference/'] = [reference];
  all['/'] = [...written, reference];
  return all;
}
