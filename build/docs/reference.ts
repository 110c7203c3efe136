/**
 * Writes the reference: a page of Markdown for every export of every entry of package.json, from its
 * doc comment and its types, by TypeDoc.
 */

import { existsSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { mergeTypes } from './merge-types.js';

/** Folder of the documentation; its node_modules has TypeDoc and VitePress. */
export const DOCS = 'src/docs';
/** Folder that the reference is written to; git ignores it. */
export const REFERENCE = `${DOCS}/reference`;

/** An entry of the package and its source. */
export interface Entry {
  /** Name that users import: `nearfar/nn`. */
  name: string;
  source: string;
}

/** Lists the entries of package.json with types, in its order. */
export function entries(): Entry[] {
  const { name, exports } = JSON.parse(readFileSync('package.json', 'utf8'));
  return Object.entries(exports as Record<string, { types?: string }>).flatMap(
    ([path, { types }]) =>
      types === undefined
        ? []
        : [
            {
              name: `${name}${path.slice(1)}`,
              source: types.replace('./dist/', 'src/').replace(/\.d\.ts$/, '.ts'),
            },
          ],
  );
}

/** The part of TypeDoc that is used. */
interface TypeDoc {
  Application: {
    bootstrapWithPlugins(options: object): Promise<{
      convert(): Promise<Project | undefined>;
      validate(project: Project): void;
      generateOutputs(project: Project): Promise<void>;
      logger: { hasErrors(): boolean; hasWarnings(): boolean };
    }>;
  };
}
interface Project {
  children?: { name: string }[];
}

/** Finds the main file of a package of the documentation. */
const resolveTool = (name: string): string =>
  createRequire(`${process.cwd()}/${DOCS}/package.json`).resolve(name);

/** Imports a package of the documentation. */
export async function importTool<T>(name: string): Promise<T> {
  return (await import(pathToFileURL(resolveTool(name)).href)) as T;
}

/** Writes all pages of the reference. */
export async function writeReference(): Promise<void> {
  if (existsSync(REFERENCE)) rmSync(REFERENCE, { recursive: true });
  const { Application } = await importTool<TypeDoc>('typedoc');
  const all = entries();
  const app = await Application.bootstrapWithPlugins({
    entryPoints: all.map(({ source }) => source),
    tsconfig: 'src/tsconfig.json',
    plugin: [resolveTool('typedoc-plugin-markdown')],
    outputs: [{ name: 'markdown', path: REFERENCE }],
    name: 'Reference',
    readme: 'none',
    router: 'member',
    entryFileName: 'index',
    excludeInternal: true,
    excludePrivate: true,
    excludeExternals: true,
    disableSources: true,
    skipErrorChecking: true,
    hidePageHeader: true,
    hideBreadcrumbs: true,
    useCodeBlocks: true,
    expandObjects: true,
    parametersFormat: 'table',
    interfacePropertiesFormat: 'table',
    typeDeclarationFormat: 'table',
    indexFormat: 'table',
    groupOrder: ['Functions', 'Classes', 'Variables', 'Interfaces', 'Type Aliases'],
    pageTitleTemplates: { member: '{name}', module: '{name}', index: 'Reference' },
    logLevel: 'Warn',
  });
  const project = await app.convert();
  if (project === undefined) throw new Error('TypeDoc found errors');
  // TypeDoc names modules after their files.
  for (const module of project.children ?? []) {
    const entry = all.find(({ source }) =>
      [`src/${module.name}.ts`, `src/${module.name}/index.ts`].includes(source),
    );
    if (entry === undefined) throw new Error(`package.json has no entry for src/${module.name}`);
    module.name = entry.name;
  }
  await app.generateOutputs(project);
  const folders = all.map(({ name }) => `${REFERENCE}/${name}`);
  mergeTypes(REFERENCE, folders);
}
