/**
 * Bad arguments of the losses, from their declarations: each option's check says what it may not
 * be. A new loss has its rows here without a line of its own.
 */

import { readdirSync } from 'node:fs';
import { build } from 'esbuild';
import { INLINE_KERNELS } from '../../build/inline.js';
import type * as matrices from '../../src/core/matrix.js';
import type * as checks from '../../src/core/validation.js';
import type { Loss, LossOption } from '../../src/losses/loss.js';
import {
  type Bad,
  choice,
  FLAG,
  NON_NEGATIVE,
  optional,
  POSITIVE,
  REAL,
  realNumbers,
  TEMPERATURE,
  wholeNumbers,
} from './bad.js';
import { MATRIX_ONLY, MATRIX_OR_VECTOR } from './bad-matrix.js';
import { matrix, type Signature } from './signature.js';

type AnyLoss = Loss<Record<string, unknown>, unknown>;

interface Sources {
  matrices: typeof matrices;
  checks: typeof checks;
  losses: Record<string, unknown>;
}

/** The declarations from their sources, which Node can't import because they import kernels. */
async function bundle(): Promise<Sources> {
  const files = readdirSync('src/losses').filter((file) => file.endsWith('.ts'));
  const lines = files.map((file) => `export * from './src/losses/${file}';`);
  const { outputFiles } = await build({
    stdin: {
      contents: `
        export * as matrices from './src/core/matrix.ts';
        export * as checks from './src/core/validation.ts';
        export * as losses from 'declarations';`,
      resolveDir: process.cwd(),
      loader: 'ts',
    },
    plugins: [
      INLINE_KERNELS,
      {
        name: 'declarations',
        setup({ onResolve, onLoad }) {
          onResolve({ filter: /^declarations$/ }, ({ path }) => ({ path, namespace: 'losses' }));
          onLoad({ filter: /./, namespace: 'losses' }, () => ({
            contents: lines.join(''),
            resolveDir: process.cwd(),
          }));
        },
      },
    ],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['module', 'main'],
  });
  const code = Buffer.from(outputFiles[0]?.contents ?? []).toString('base64');
  return import(`data:text/javascript;base64,${code}`);
}

function isLoss(value: unknown): value is AnyLoss {
  return typeof value === 'object' && value !== null && 'inputs' in value && 'compute' in value;
}

const sources = await bundle();

/** Every loss that a file of src/losses declares. */
export const DECLARED = Object.values(sources.losses).filter(isLoss);

const { checks: check } = sources;

/** Bad values by check, and a valid one where an option has no default. */
const CHECKS = new Map<unknown, { bad: Bad[]; valid?: () => unknown }>([
  [check.checkTemperature, { bad: TEMPERATURE }],
  [check.checkPositive, { bad: POSITIVE }],
  [check.checkNonNegative, { bad: NON_NEGATIVE }],
  [check.checkNumber, { bad: REAL }],
  [check.checkFlag, { bad: FLAG }],
  [check.checkIntegers, { bad: optional(wholeNumbers(4)), valid: () => [7, 8, 7, -9] }],
  [sources.matrices.readMatrix, { bad: optional(MATRIX_ONLY), valid: () => matrix(5, 6, 3) }],
]);

function badValues({ check, fallback }: LossOption<unknown>): Bad[] {
  if (typeof fallback === 'string') return choice(fallback);
  return CHECKS.get(check)?.bad ?? REAL;
}

function signature({ inputs, options, target, scores, vectors }: AnyLoss): Signature {
  const kind = vectors ? MATRIX_OR_VECTOR : MATRIX_ONLY;
  const args = inputs.map((name): [string, Bad[]] => [name, kind]);
  if (target !== undefined) args.push([target, scores ? realNumbers(4) : wholeNumbers(4)]);
  const valid = () => inputs.map((_, i) => matrix(4, 6, i + 1));
  const [first, ...others] = inputs;
  const together = others.flatMap(
    (name, i): [string, { argument: string; args(): unknown[] }][] => {
      const instead = (rows: number, cols: number) => () => valid().with(i + 1, matrix(rows, cols));
      return [
        [`${name} of more rows than ${first}`, { argument: name, args: instead(6, 6) }],
        [`${name} of another width than ${first}`, { argument: name, args: instead(4, 5) }],
        [`${name} transposed`, { argument: name, args: instead(6, 4) }],
      ];
    },
  );
  const entries = Object.entries(options);
  return {
    valid: () => [...valid(), ...(target === undefined ? [] : [[0, 1, 0, 1]])],
    arguments: Object.fromEntries(args),
    options: {
      valid: () =>
        Object.fromEntries(
          entries.map(([name, { check, fallback }]) => [
            name,
            fallback ?? CHECKS.get(check)?.valid?.(),
          ]),
        ),
      fields: Object.fromEntries(entries.map(([name, option]) => [name, badValues(option)])),
    },
    together: Object.fromEntries(together),
  };
}

/**
 * Rows of all losses and their gradient forms.
 *
 * @param extra changes of single rows, by the name of the loss
 */
export function lossSignatures(
  extra: Readonly<Record<string, (row: Signature) => Signature>>,
): Record<string, Signature> {
  const rows = DECLARED.flatMap((loss): [string, Signature][] => {
    const row = (extra[loss.name] ?? ((same) => same))(signature(loss));
    return [
      [loss.name, row],
      [`${loss.name}Grad`, row],
    ];
  });
  return Object.fromEntries(rows);
}
