/** Splits that names of folders and files say: `train` and `test`, in any of the usual spellings. */

/** Part of a dataset. */
export type Part = 'training' | 'validation';

/** Words that say a part, without an ending of `ENDING`. */
const PARTS: Readonly<Record<string, Part>> = {
  train: 'training',
  training: 'training',
  trn: 'training',
  trainval: 'training',
  test: 'validation',
  testing: 'validation',
  tst: 'validation',
  t10k: 'validation',
  val: 'validation',
  vali: 'validation',
  valid: 'validation',
  validation: 'validation',
  dev: 'validation',
  devel: 'validation',
  eval: 'validation',
  evaluation: 'validation',
  holdout: 'validation',
  heldout: 'validation',
};
/** Words that say nothing besides, also as the end of another word: `trainset`, `test_images`. */
const ENDING = /(set|data|dataset|images?|imgs?|files?|folder|dir|split|part)$/;

/** A part, and the other words of its name. */
interface Named {
  part: Part;
  /** Equal in the names of two parts of one dataset: `seg` of `seg_train` and `seg_test`. */
  others: string;
}

/** Reads the part that a name says. */
function parse(name: string): Named | undefined {
  const words = name
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .flatMap((word) => (word === 't10k' ? word : word.split(/(?<=\p{L})(?=\p{N})/u)))
    .map((word) => word.replace(ENDING, ''))
    .filter((word) => word !== '');
  const at = words.findIndex((word) => PARTS[word] !== undefined);
  if (at < 0) return undefined;
  return { part: PARTS[words[at] as string] as Part, others: words.toSpliced(at, 1).join(' ') };
}

/** Tells whether a file's name says that it is for validation: `emnist-letters-test-images-…`. */
export function isValidationFile(name: string): boolean {
  return parse(name.replace(/[-.]idx\d.*$/i, ''))?.part === 'validation';
}

/** Number of names at the start of all paths that are the same, short of the last name of any. */
function sharedNames(paths: readonly (readonly string[])[]): number {
  const [first = []] = paths;
  let shared = 0;
  const isShared = (path: readonly string[]): boolean =>
    path.length > shared + 1 && path[shared] === first[shared];
  while (first.length > shared && paths.every(isShared)) shared++;
  return shared;
}

/** The part and the label of each path, as its names say them. */
export interface Assigned {
  /** Nothing where there are no parts, or the path is outside its parts. */
  part?: Part | undefined;
  label?: string | undefined;
}

/**
 * Finds the split that paths are sorted into, and their labels: the names of the folders below.
 * Folders that hold all there is, as an archive has one, say nothing.
 *
 * @param paths names of the folders of each file
 * @returns nothing for the parts where there is none: then the topmost folders are the labels
 */
export function assignParts(paths: readonly (readonly string[])[]): {
  isSplit: boolean;
  assigned: Assigned[];
} {
  const inFolders = paths.filter(({ length }) => length > 0);
  const top = sharedNames(inFolders);
  for (let depth = 0; depth <= top; depth++) {
    const named = paths.map((path) =>
      path.length > depth ? parse(path[depth] as string) : undefined,
    );
    const byOthers = new Map<string, Set<Part>>();
    for (const one of named) {
      if (one !== undefined)
        byOthers.set(one.others, (byOthers.get(one.others) ?? new Set()).add(one.part));
    }
    const split = [...byOthers].find(([, parts]) => parts.size === 2)?.[0];
    if (split === undefined) continue;
    const assigned = named.map((one) => (one?.others === split ? { part: one.part } : {}));
    return { isSplit: true, assigned: withLabels(assigned, paths, depth + 1) };
  }
  const labeled = paths.map((path) => ({ label: path[top] }));
  return { isSplit: false, assigned: labeled };
}

/** Adds the labels below the folders of the parts. */
function withLabels(
  assigned: readonly Assigned[],
  paths: readonly (readonly string[])[],
  depth: number,
): Assigned[] {
  const labels = new Map<Part, number>();
  for (const part of ['training', 'validation'] as const) {
    const below = paths
      .filter((path, i) => assigned[i]?.part === part && path.length > depth)
      .map((path) => path.slice(depth));
    labels.set(part, sharedNames(below));
  }
  return assigned.map(({ part }, i) => {
    return { part, label: part && paths[i]?.[depth + (labels.get(part) as number)] };
  });
}
