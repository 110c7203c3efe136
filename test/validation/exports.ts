/**
 * Rows of the test that goes through all exports: how each function or class is called, so that the
 * test can give it an unknown option and wrong types at every position.
 */

/** A function, class or method: a valid call of it. */
export interface ExportRow {
  /** Fresh valid arguments, without the options. */
  args?(): unknown[];
  /** A valid value of each option; left out where there are none. */
  options?(): Record<string, unknown>;
  /** Kinds that an argument (by index) or option (by name) may have besides that of the valid value. */
  allowed?: Readonly<Record<string | number, readonly Kind[]>>;
  /** Options that take any text, not one of some names. */
  free?: readonly string[];
  /** Methods of what the constructor makes. */
  methods?: Readonly<Record<string, ExportRow>>;
  /** Name in messages, where it is not that of the export. */
  named?: string;
}

export type ExportRows = Readonly<Record<string, ExportRow>>;

export type Kind = 'null' | 'string' | 'number' | 'boolean' | 'function' | 'array' | 'object';

/** A value of each kind. */
export const KINDS: Readonly<Record<Kind, unknown>> = {
  null: null,
  string: 'x',
  number: 1,
  boolean: true,
  function: () => 1,
  array: ['x'],
  object: {},
};

export function kindOf(value: unknown): Kind {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return 'array';
  return typeof value as Kind;
}

/** Values of other kinds than a valid one and those that are allowed too. */
export function wrongValues(valid: unknown, allowed: readonly Kind[] = []): unknown[] {
  const kinds = Object.keys(KINDS) as Kind[];
  return kinds
    .filter((kind) => kind !== kindOf(valid) && !allowed.includes(kind))
    .map((kind) => KINDS[kind]);
}

/** Wrong values of the right kind: an unknown name, an array whose elements are wrong. */
export function wrongOfKind(valid: unknown, free: boolean): unknown[] {
  if (typeof valid === 'string') return free ? [] : ['no such choice'];
  if (!Array.isArray(valid) || valid.length === 0) return [];
  const [first] = valid;
  if (Array.isArray(first)) return wrongOfKind(first, free).map((inner) => [inner]);
  return [
    valid.map(() => (typeof first === 'string' ? 1 : 'x')),
    valid.map(() => (typeof first === 'boolean' ? 1 : null)),
  ];
}
