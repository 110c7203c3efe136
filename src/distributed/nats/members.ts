/** The processes of a job: what they announce, and which of them are there. */

/** State of a process: looking for the others, told its group, in it, or through with its work. */
export type MemberState = 'waiting' | 'ready' | 'running' | 'done' | 'left';
const STATES: readonly MemberState[] = ['waiting', 'ready', 'running', 'done', 'left'];

/** Announcement of a process, twice a second. */
export interface Member {
  /** Random name of the process. */
  id: string;
  /** Name for people: host and process number. */
  name: string;
  /** Number of ranks that it expects. */
  ranks: number;
  /** Its rank, or -1. */
  rank: number;
  state: MemberState;
  /** Group that it is in, or empty. */
  group: string;
  /** Steps done. */
  step: number;
  /** Exchanges that it has completed in its group. */
  exchange: number;
  /** Milliseconds that it was silent for at most. */
  gap: number;
  /** When it started, in milliseconds. */
  joined: number;
}

/** A group that one process proposes to others. */
export interface Proposal {
  /** Random name of the group. */
  group: string;
  /** Ids of the processes, in the order of the ranks. */
  members: readonly string[];
  /** Steps that each has done. */
  steps: readonly number[];
}

/** Message of a process: about itself, or a proposal. */
export type Note = { member: Member } | { proposal: Proposal };

/** Bytes of a note at most. */
export const MAX_NOTE_BYTES = 1 << 17;
/** Ranks at most; their numbers have 16 bits in frames. */
export const MAX_RANKS = 1024;

const isText = (value: unknown, pattern: RegExp): value is string =>
  typeof value === 'string' && pattern.test(value);
const isCount = (value: unknown, max = Number.MAX_SAFE_INTEGER): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= max;

const ID = /^[0-9a-f]{32}$/;
const GROUP = /^([0-9a-f]{32})?$/;
const NAME = /^[^\p{C}]{1,200}$/u;

function isMember(value: unknown): value is Member {
  const { id, name, ranks, rank, state, group, step, exchange, gap, joined } = (value ??
    {}) as Partial<Member>;
  return (
    isText(id, ID) &&
    isText(name, NAME) &&
    isText(group, GROUP) &&
    isCount(ranks, MAX_RANKS) &&
    (rank === -1 || (isCount(rank) && rank < ranks)) &&
    STATES.includes(state as MemberState) &&
    [step, exchange, gap, joined].every((number) => isCount(number))
  );
}

function isProposal(value: unknown): value is Proposal {
  const { group, members, steps } = (value ?? {}) as Partial<Proposal>;
  return (
    isText(group, ID) &&
    Array.isArray(members) &&
    members.length <= MAX_RANKS &&
    members.every((id) => isText(id, ID)) &&
    new Set(members).size === members.length &&
    Array.isArray(steps) &&
    steps.length === members.length &&
    steps.every((step) => isCount(step))
  );
}

/** Writes a note. */
export function writeNote(note: Note): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(note));
}

/** Reads a note; undefined if it is none. */
export function readNote(bytes: Uint8Array): Note | undefined {
  if (bytes.length > MAX_NOTE_BYTES) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
  const { member, proposal } = (value ?? {}) as { member?: unknown; proposal?: unknown };
  if (isMember(member)) return { member };
  if (isProposal(proposal)) return { proposal };
  return undefined;
}

/** A process and its last announcement. */
interface Seen {
  member: Member;
  /** When, by this process's clock. */
  at: number;
}

/** Processes that are remembered at most, for each rank of a job. */
const MEMORY = 4;

/** The processes that were there lately. */
export class Members {
  readonly #seen = new Map<string, Seen>();
  readonly #timeoutMs: number;
  readonly #max: number;

  /**
   * @param ranks number of ranks of the job
   * @param timeoutMs milliseconds after which a silent process counts as lost
   */
  constructor(ranks: number, timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
    this.#max = MEMORY * ranks + 16;
  }

  /** Takes an announcement; false if there are too many processes to remember this one. */
  update(member: Member, now: number): boolean {
    if (!this.#seen.has(member.id) && this.#seen.size >= this.#max) {
      for (const [id, { at }] of this.#seen) {
        if (now - at > 10 * this.#timeoutMs) this.#seen.delete(id);
      }
      if (this.#seen.size >= this.#max) return false;
    }
    this.#seen.set(member.id, { member, at: now });
    return true;
  }

  /** Last announcement of a process. */
  get(id: string): Member | undefined {
    return this.#seen.get(id)?.member;
  }

  /** Milliseconds that a process has been silent for. */
  silence(id: string, now: number): number {
    return now - (this.#seen.get(id)?.at ?? Number.NEGATIVE_INFINITY);
  }

  /** Tells whether a process is there: one that was silent for long before may be so again. */
  isAlive(id: string, now: number): boolean {
    const seen = this.#seen.get(id);
    if (seen === undefined || seen.member.state === 'left') return false;
    return now - seen.at <= this.limit(id);
  }

  /** Milliseconds that a process may be silent for. */
  limit(id: string): number {
    return Math.max(this.#timeoutMs, 3 * (this.#seen.get(id)?.member.gap ?? 0));
  }

  /** All processes that are there. */
  alive(now: number): Member[] {
    return [...this.#seen.values()]
      .map(({ member }) => member)
      .filter(({ id }) => this.isAlive(id, now));
  }

  /** Takes another sign of life of a process. */
  touch(id: string, now: number): void {
    const seen = this.#seen.get(id);
    if (seen !== undefined && seen.member.state !== 'left') seen.at = now;
  }

  /** After a time in which this process could not listen, others were silent for less. */
  postpone(milliseconds: number): void {
    for (const seen of this.#seen.values()) {
      if (seen.member.state !== 'left') seen.at += milliseconds;
    }
  }

  /** After a time without a connection no process counts as silent. */
  forgive(now: number): void {
    for (const seen of this.#seen.values()) {
      if (seen.member.state !== 'left') seen.at = now;
    }
  }
}

/** Order of processes: the one that has started first, and of those of one moment the lower id. */
function byAge(a: Member, b: Member): number {
  return a.joined - b.joined || (a.id < b.id ? -1 : 1);
}

/**
 * Chooses the processes of a new group: ranks keep their numbers, those that are free go to others.
 *
 * @param alive processes that are there
 * @param ranks number of ranks
 * @returns processes in the order of the ranks; undefined if there are too few
 */
export function chooseGroup(alive: readonly Member[], ranks: number): Member[] | undefined {
  const free = alive.filter(({ state }) => state === 'waiting' || state === 'ready');
  const group = new Array<Member | undefined>(ranks).fill(undefined);
  const newcomers: Member[] = [];
  for (const member of [...free].sort(byAge)) {
    const { rank } = member;
    if (rank >= 0 && group[rank] === undefined) group[rank] = member;
    else newcomers.push(member);
  }
  // Who has come furthest is rank 0 where that is free, as it has the checkpoint.
  newcomers.sort((a, b) => b.step - a.step || byAge(a, b));
  const filled = group.map((member) => member ?? newcomers.shift());
  return filled.some((member) => member === undefined) ? undefined : (filled as Member[]);
}
