/**
 * Moves types of options and results onto the pages of the functions that take or return them, so
 * that one page tells all about a function, and lets every link follow.
 */

import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';

/** Ends of the names of types that belong to one function: `NtXentOptions` to `ntXent`. */
const ENDS =
  /(LayerNorm)?(Options|Gradients|Config|Sizes|Metrics|Comparison|LayerOptions|Progress)$/;

const LINK = /\]\(([^)\s#]+\.md)(#[^)\s]*)?\)/g;

/** Finds the page that a type belongs to: that of its name, or the only one that names it. */
function ownerOf(
  type: string,
  pages: ReadonlyMap<string, string>,
  folder: string,
): string | undefined {
  const mention = `interfaces/${type}.md`;
  const users = [...pages.keys()].filter(
    (path) =>
      ['functions', 'classes'].some((kind) => dirname(path) === join(folder, kind)) &&
      pages.get(path)?.includes(mention),
  );
  const wanted = type.replace(ENDS, '').toLowerCase();
  const byName = users.find((path) => path.toLowerCase().endsWith(`/${wanted}.md`));
  return byName ?? (users.length === 1 ? users[0] : undefined);
}

/** Moves a page's links to where it is read from. */
const relink = (text: string, from: string, to: string): string =>
  text.replace(LINK, (_, path: string, hash = '') => {
    const target = join(dirname(from), path);
    return `](${relative(dirname(to), target)}${hash})`;
  });

/** Writes a page as a section of another: headings one level further down, no title. */
const asSection = (name: string, text: string): string =>
  `\n\n## ${name}\n${text.replace(/^# .*\n/, '').replace(/^(#+ )/gm, '#$1')}`;

/** Merges the types of entries' folders, which lie in the reference's folder. */
export function mergeTypes(reference: string, folders: readonly string[]): void {
  const files = readdirSync(reference, { recursive: true, encoding: 'utf8' });
  const pages = new Map(
    files
      .filter((file) => file.endsWith('.md'))
      .sort()
      .map((file) => [join(reference, file), readFileSync(join(reference, file), 'utf8')]),
  );
  const moved = new Map<string, string>();
  for (const path of [...pages.keys()]) {
    const folder = folders.find((each) => dirname(path) === join(each, 'interfaces'));
    if (folder === undefined) continue;
    const type = basename(path, '.md');
    const owner = ownerOf(type, pages, folder);
    if (owner === undefined) continue;
    moved.set(path, `${owner}#${type.toLowerCase()}`);
    const section = asSection(type, relink(pages.get(path) as string, path, owner));
    pages.set(owner, (pages.get(owner) as string) + section);
    pages.delete(path);
    rmSync(path);
  }
  for (const [path, text] of pages) {
    const followed = text.replace(LINK, (whole, target: string, hash = '') => {
      const found = moved.get(join(dirname(path), target));
      if (found === undefined) return whole;
      const [page = '', section = ''] = found.split('#');
      const to = page === path ? '' : relative(dirname(path), page);
      return `](${to}#${hash === '' ? section : hash.slice(1)})`;
    });
    writeFileSync(path, followed);
  }
}
