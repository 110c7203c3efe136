/** The licenses of the libraries and models that are in dist/, in one file next to them. */

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** The package folder of a bundled file, or undefined for a file of ours. */
function packageFolder(input: string): string | undefined {
  const match = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input);
  return match?.[1];
}

/** Texts of libraries in C, which the packages that hold them as WebAssembly leave out. */
const C_LIBRARIES: Readonly<Record<string, string>> = {
  '@cwasm/jpeg-turbo': 'build/licenses/libjpeg-turbo.txt',
  '@cwasm/webp': 'build/licenses/libwebp.txt',
};

/** Sources of weights, which no package says. */
const MODELS: Readonly<Record<string, string>> = {
  'all-MiniLM-L6-v2 (Apache-2.0)': 'build/licenses/all-MiniLM-L6-v2.txt',
};

function licenseText(folder: string): string {
  const library = Object.keys(C_LIBRARIES).find((name) => folder.endsWith(`/${name}`));
  if (library !== undefined) return readFileSync(C_LIBRARIES[library] as string, 'utf8').trim();
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
  for (const [name, file] of Object.entries(MODELS)) {
    parts.push(`${name}\n\n${readFileSync(file, 'utf8').trim()}\n`);
  }
  writeFileSync(`${dist}/LICENSES.txt`, parts.join(`\n${'-'.repeat(78)}\n\n`));
}
