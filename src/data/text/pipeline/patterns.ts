/**
 * Regular expressions of a `tokenizer.json`, which are Oniguruma's (https://github.com/kkos/oniguruma),
 * as JavaScript's: the same matches, or an error where it has no such thing.
 */

/** Members of `\w` in a class. */
const WORD = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}';
/** `\w` alone also matches the numbers of Latin-1 that are no digits. */
const ALONE = `${WORD}\\xb2\\xb3\\xb9\\xbc-\\xbe`;

/** Classes of characters that Oniguruma knows by names of POSIX: members of a class of JavaScript. */
const POSIX: Readonly<Record<string, string>> = {
  alpha: '\\p{Alphabetic}',
  alnum: '\\p{Alphabetic}\\p{Nd}',
  digit: '\\p{Nd}',
  lower: '\\p{Lowercase}',
  punct: '\\p{P}\\p{S}',
  space: '\\p{White_Space}',
  upper: '\\p{Uppercase}',
  xdigit: '0-9A-Fa-f',
};

/** Names behind `\p` that JavaScript writes otherwise. */
const PROPERTIES: Readonly<Record<string, string>> = {
  alpha: 'Alphabetic',
  digit: 'Nd',
  lower: 'Lowercase',
  punct: 'P',
  space: 'White_Space',
  upper: 'Uppercase',
};

/** Escapes that stand for a class: its members, and those of all other characters. */
const CLASSES: Readonly<Record<string, readonly [members: string, others: string | undefined]>> = {
  d: ['\\p{Nd}', '\\P{Nd}'],
  s: ['\\p{White_Space}', '\\P{White_Space}'],
  w: [WORD, undefined],
  h: ['0-9A-Fa-f', undefined],
};

const IN = `[${ALONE}]`;
/** Escapes that stand for a position. */
const ASSERTIONS: Readonly<Record<string, string>> = {
  A: '^',
  z: '$',
  Z: '(?=\\n?$)',
  b: `(?:(?<=${IN})(?!${IN})|(?<!${IN})(?=${IN}))`,
  B: `(?:(?<=${IN})(?=${IN})|(?<!${IN})(?!${IN}))`,
};

/** Letters of ASCII that a third character folds to. */
const FOLDS: Readonly<Record<string, string>> = { k: '\\u212a', s: '\\u017f' };

/** Groups that both have. */
const GROUP = /^\((?:\?(?:[:=!]|<[=!]))?/;
const QUANTIFIER = /^\{(\d*)(,?)(\d*)\}/;

/** Characters that mean themselves only behind a backslash. */
const SYNTAX = /[\\^$.*+?()[\]{}|/-]/;

/** Writes a character that means itself, in a class or not. */
function literal(character: string, inClass: boolean): string {
  return SYNTAX.test(character) && (inClass || character !== '-') ? `\\${character}` : character;
}

class Translator {
  readonly #source: string;
  #at = 0;
  /** True within a group that takes letters of either case. */
  #anyCase = false;

  constructor(source: string) {
    this.#source = source;
  }

  #fail(): never {
    throw new SyntaxError(`no such expression in JavaScript: ${this.#source.slice(this.#at)}`);
  }

  /** The text from here on. */
  get #remaining(): string {
    return this.#source.slice(this.#at);
  }

  /** Reads what a pattern matches here, and what stands for it. */
  #take(pattern: RegExp): RegExpExecArray | undefined {
    const found = pattern.exec(this.#remaining);
    if (found === null) return undefined;
    this.#at += found[0].length;
    return found;
  }

  #character(): string {
    const character = String.fromCodePoint(this.#source.codePointAt(this.#at) as number);
    this.#at += character.length;
    return character;
  }

  /** Reads the name behind \p: a class's members. */
  #property(negated: boolean): string {
    const found = this.#take(/^\{(\^?)([A-Za-z_ ]+)\}/);
    if (found === undefined) this.#fail();
    const [, caret, name = ''] = found;
    const letter = negated !== (caret === '^') ? 'P' : 'p';
    const lower = name.toLowerCase();
    const known = Object.hasOwn(PROPERTIES, lower) ? PROPERTIES[lower] : undefined;
    for (const each of [known ?? name, `Script=${name}`]) {
      const property = `\\${letter}{${each}}`;
      try {
        new RegExp(property, 'u');
        return property;
      } catch {
        // Perhaps it is the name of a script.
      }
    }
    return this.#fail();
  }

  /** Reads an escape of one character; undefined for one that is something else. */
  #escapedCharacter(inClass: boolean): string | undefined {
    const code = this.#take(/^\\(?:x\{([\da-f]{1,6})\}|x([\da-f]{2})|u([\da-f]{4}))/i);
    if (code !== undefined) return `\\u{${code[1] ?? code[2] ?? code[3]}}`;
    const control = this.#take(/^\\([tnrfvae0])(?!\d)/)?.[1];
    if (control === 'a') return '\\u{7}';
    if (control === 'e') return '\\u{1b}';
    if (control !== undefined) return `\\${control}`;
    if (this.#take(/^\\(?=[^A-Za-z\d])/) === undefined) return undefined;
    return literal(this.#character(), inClass);
  }

  /** Reads a class. */
  #class(): string {
    const negated = this.#take(/^\[(\^?)/)?.[1] === '^';
    const members: string[] = [];
    /** Classes of all other characters than some, which no class of JavaScript can hold. */
    const others: string[] = [];
    for (let first = true; ; first = false) {
      if (this.#at >= this.#source.length || this.#remaining.startsWith('&&')) this.#fail();
      if (!first && this.#take(/^\]/) !== undefined) break;
      const posix = this.#take(/^\[:(\w+):\]/)?.[1];
      if (posix !== undefined) {
        if (!Object.hasOwn(POSIX, posix)) this.#fail();
        members.push(POSIX[posix] as string);
        continue;
      }
      if (this.#remaining.startsWith('[')) {
        if (this.#remaining.startsWith('[^')) this.#fail();
        const inner = this.#class();
        if (!inner.startsWith('[')) this.#fail();
        members.push(inner.slice(1, -1));
        continue;
      }
      const property = this.#take(/^\\([pP])/)?.[1];
      if (property !== undefined) {
        members.push(this.#property(property === 'P'));
        continue;
      }
      const known = this.#take(/^\\([dDsSwWhH])/)?.[1];
      if (known !== undefined) {
        const [own, outside] = CLASSES[known.toLowerCase()] as [string, string | undefined];
        if (known === known.toLowerCase()) members.push(own);
        else if (outside !== undefined) members.push(outside);
        else others.push(`[^${own}]`);
        continue;
      }
      const from = this.#classCharacter();
      if (this.#take(/^-(?![\]&[])/) === undefined) members.push(from);
      else members.push(`${from}-${this.#classCharacter()}`);
    }
    const own = members.join('');
    if (this.#anyCase && /[A-Za-z]|[^\0-\x7f]/.test(own.replace(/\\[pP]\{\w+\}/g, '')))
      this.#fail();
    if (others.length === 0) return `[${negated ? '^' : ''}${own}]`;
    const all = own === '' ? others.join('|') : `[${own}]|${others.join('|')}`;
    return negated ? `(?:(?!${all})[^])` : `(?:${all})`;
  }

  #classCharacter(): string {
    if (!this.#remaining.startsWith('\\')) return literal(this.#character(), true);
    return this.#escapedCharacter(true) ?? this.#fail();
  }

  #escape(): string {
    const property = this.#take(/^\\([pP])/)?.[1];
    if (property !== undefined) return this.#property(property === 'P');
    const known = this.#take(/^\\([dDsSwWhH])/)?.[1];
    if (known !== undefined) {
      const [members] = CLASSES[known.toLowerCase()] as [string, string | undefined];
      const own = members === WORD ? ALONE : members;
      return known === known.toLowerCase() ? `[${own}]` : `[^${own}]`;
    }
    const assertion = this.#take(/^\\([AzZbB])/)?.[1];
    if (assertion !== undefined) return ASSERTIONS[assertion] as string;
    return this.#escapedCharacter(false) ?? this.#fail();
  }

  /** Reads the end of an atom: how often it is repeated. */
  #quantifier(): string {
    let result = this.#take(/^[*+?]/)?.[0] ?? '';
    if (result === '' && this.#remaining.startsWith('{')) {
      const [whole, min = '', comma = '', max = ''] = QUANTIFIER.exec(this.#remaining) ?? [];
      if (whole === undefined || (min === '' && max === '')) return '';
      this.#at += whole.length;
      result = `{${min === '' ? '0' : min}${comma}${max}}`;
      if (min === '' && comma === '') this.#fail();
    }
    if (result === '') return '';
    const lazy = this.#take(/^\?/)?.[0] ?? '';
    // Possessive, or a repetition of a repetition.
    if (/^[*+?]|^\{\d*,?\d*\}/.test(this.#remaining)) this.#fail();
    return result + lazy;
  }

  #atom(): string {
    const remaining = this.#remaining;
    if (remaining.startsWith('[')) return this.#class();
    if (remaining.startsWith('\\')) return this.#escape();
    if (remaining.startsWith('(')) return this.#group();
    const character = this.#character();
    if (character === '.') return '[^\\n]';
    if (character === '^') return '(?:^|(?<=\\n)(?!$))';
    if (character === '$') return '(?![^\\n])';
    if (/[*+?]/.test(character)) this.#fail();
    if (!this.#anyCase) return literal(character, false);
    if (!/[\0-\x7f]/.test(character)) this.#fail();
    const lower = character.toLowerCase();
    if (!/[a-z]/.test(lower)) return literal(character, false);
    return `[${lower}${lower.toUpperCase()}${FOLDS[lower] ?? ''}]`;
  }

  #group(): string {
    const before = this.#anyCase;
    if (this.#take(/^\(\?i:/) !== undefined) {
      this.#anyCase = true;
      return this.#within('(?:', before);
    }
    // From here to the end of the group around it.
    if (this.#take(/^\(\?i\)/) !== undefined) {
      this.#anyCase = true;
      return '';
    }
    if (this.#take(/^\(\?#[^)]*\)/) !== undefined) return '';
    const open = this.#take(GROUP)?.[0];
    if (open === undefined || this.#remaining.startsWith('?')) this.#fail();
    return this.#within(open, before);
  }

  /** Reads the inside of a group and its end. */
  #within(open: string, before: boolean): string {
    const inner = this.#alternatives();
    if (this.#take(/^\)/) === undefined) this.#fail();
    this.#anyCase = before;
    return `${open}${inner})`;
  }

  /** Reads up to the end of a group. */
  #alternatives(): string {
    let result = '';
    while (this.#at < this.#source.length && !this.#remaining.startsWith(')')) {
      if (this.#take(/^\|/) !== undefined) {
        result += '|';
        continue;
      }
      const atom = this.#atom();
      result += atom + (atom === '' ? '' : this.#quantifier());
    }
    return result;
  }

  whole(): string {
    const result = this.#alternatives();
    if (this.#at < this.#source.length) this.#fail();
    return result;
  }
}

/**
 * Translates a regular expression.
 * @throws {SyntaxError} if it is not valid, or has something that is not supported
 */
export function toJavaScript(regex: string): RegExp {
  return new RegExp(new Translator(regex).whole(), 'gu');
}
