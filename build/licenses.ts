/** The licenses of the libraries that are bundled into dist/, in one file next to them. */

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** The package folder of a bundled file, or undefined for a file of ours. */
function packageFolder(input: string): string | undefined {
  const match = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input);
  return match?.[1];
}

function licenseText(folder: string): string {
  const file = readdirSync(folder).find((name) => /^(licen[cs]e|copying)/i.test(name));
  if (file !== undefined) return readFileSync(`${folder}/${file}`, 'utf8').trim();
  return '(the package holds no license file)';
}

/** Writes dist/LICENSES.txt from the list of bundled files. */
export function writeLicenses(dist: string, inputs: readonly string[]): void {
  const folders = new Set(inputs.map(packageFolder).filter((folder) => folder !== undefined));
  const parts = [...folders].sort().map((folder) => {
    const manifest = `${folder}/package.json`;
    const { name, version, license } = existsSync(manifest)
      ? JSON.parse(readFileSync(manifest, 'utf8'))
      : { name: folder, version: '', license: '' };
    return `${name} ${version} (${license})\n\n${licenseText(folder)}\n`;
  });
  writeFileSync(`${dist}/LICENSES.txt`, parts.join(`\n${'-'.repeat(78)}\n\n`));
}
