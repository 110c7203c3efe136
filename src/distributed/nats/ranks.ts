/**
 * Ranks that are processes, connected by NATS. Each says twice a second that it is there. One of them
 * proposes a group of as many as the job has ranks; when all of it are ready, they work. If one is lost,
 * the others wait for it or another, and form a group again.
 */

import { sha256 } from '../../core/sha256.js';
import { bytesOf } from '../bytes.js';
import { Collectives, type Messages } from '../transport/collectives.js';
import {
  type Communicator,
  RankLostError,
  type RankState,
  type Traffic,
} from '../transport/communicator.js';
import type { NatsConnection, NatsMessage } from './connection.js';
import { chunkBytesOf } from './frame.js';
import {
  chooseGroup,
  type Member,
  type MemberState,
  Members,
  type Proposal,
  readNote,
  writeNote,
} from './members.js';
import { Mailbox } from './messages.js';
import {
  type ConnectRanksOptions,
  checkConnection,
  type JobOptions,
  type NatsFacts,
  randomId,
  readJobOptions,
} from './options.js';

/** Milliseconds from one sign of life to the next. */
const HELLO_MS = 500;
/** Milliseconds between two looks at others after which a process was busy or stalled itself. */
const LATE_MS = 1000;
/** Milliseconds that a process listens before it believes that a job is complete without it. */
const LISTEN_MS = 1200;
/** Milliseconds after which a group that is not complete is given up. */
const READY_MS = 3000;
/** Milliseconds that a rank stays at the end for others that have lost its last message. */
const LINGER_MS = 3000;
/** Milliseconds after which what is waited for is looked at again. */
const WAIT_MS = 100;

/**
 * Connects this process to the other ranks of a job over NATS, and waits until all are there.
 *
 * A process that is one too many is refused. Ranks that are lost later may come back, or others in
 * their stead: `trainRanks` goes on from the last common step. Close the communicator before the
 * connection.
 *
 * @param connection connected by `connect` of `@nats-io/transport-node`, or by `wsconnect` in a page
 * @param options job, ranks, step, timeoutMs, name, maxBytes, secret, onWait
 * @returns communicator for `trainRanks`
 * @throws {TypeError | RangeError} if an argument is not valid, or the job has its ranks already
 * @example
 * const communicator = await connectRanks(await connect({ servers }), { job: 'faq', ranks: 4 });
 */
export async function connectRanks(
  connection: NatsConnection,
  options: ConnectRanksOptions,
): Promise<Communicator & NatsFacts> {
  const own = checkConnection('connectRanks', 'connection', connection);
  const ranks = new NatsRanks(own, readJobOptions(options));
  try {
    await ranks.form();
  } catch (error) {
    await ranks.close();
    throw error;
  }
  return ranks;
}

class NatsRanks extends Collectives implements NatsFacts {
  readonly #connection: NatsConnection;
  readonly #options: JobOptions;
  readonly #members: Members;
  readonly #subscriptions: { unsubscribe(): void }[];
  readonly #timer: unknown;
  /** Ids of the group, in the order of the ranks. */
  #group: readonly string[] = [];
  #groupName = '';
  #steps: readonly number[] = [];
  #mailbox: Mailbox | undefined;
  #state: MemberState = 'waiting';
  #rank = -1;
  #step: number;
  readonly #joined = Date.now();
  #lastHello = Date.now();
  #lastListened = Date.now();
  #gap = 0;
  #isConnected = true;
  #wake: (() => void)[] = [];
  #waitedFor = '';
  #dropped = 0;
  #hasBegun = false;
  #closed = false;
  /** Bytes of groups before this one. */
  #before: Traffic = { sent: 0, received: 0, waited: 0 };

  constructor(connection: NatsConnection, options: JobOptions) {
    super();
    this.#connection = connection;
    this.#options = options;
    this.#step = options.step;
    this.#members = new Members(options.ranks, options.timeoutMs);
    const subject = (name: string): string => `nearfar.${options.job}.${name}`;
    const subscribe = (name: string, take: (data: Uint8Array) => void) =>
      connection.subscribe(subject(name), {
        callback: (error: Error | null, message: NatsMessage) => {
          if (error !== null) return;
          try {
            // Node's Buffer has a slice of its own, which does not copy.
            const bytes = bytesOf(message.data);
            const { seal } = options;
            const content = seal === undefined ? bytes : seal.open(bytes);
            if (content === undefined) this.#dropped++;
            else take(content);
          } catch {
            // An error here would end the connection.
            this.#dropped++;
          }
        },
      });
    const takeFrame = (data: Uint8Array): void => {
      const from = this.#mailbox?.take(data);
      if (this.#mailbox === undefined) this.#dropped++;
      if (from === undefined) return;
      this.#members.touch(this.#group[from] as string, Date.now());
      this.#wakeAll();
    };
    this.#subscriptions = [
      subscribe('notes', (data) => this.#takeNote(data)),
      subscribe('frames', takeFrame),
      subscribe(`frames.${options.id}`, takeFrame),
    ];
    this.#timer = setInterval(() => this.#hello(), HELLO_MS);
    void this.#followConnection();
    this.#hello();
  }

  get rank(): number {
    return this.#rank;
  }

  get size(): number {
    return this.#options.ranks;
  }

  get dropped(): number {
    return this.#dropped + (this.#mailbox?.dropped ?? 0);
  }

  override get traffic(): Traffic {
    const { sentBytes = 0, receivedBytes = 0, waitedMs = 0 } = this.#mailbox ?? {};
    const { sent, received, waited } = this.#before;
    return {
      sent: sent + sentBytes,
      received: received + receivedBytes,
      waited: waited + waitedMs,
    };
  }

  #publish(name: string, data: Uint8Array): void {
    // What is lost while the server can't be reached is asked for again later.
    if (!this.#connection.isClosed()) {
      const { job, seal } = this.#options;
      this.#connection.publish(`nearfar.${job}.${name}`, seal?.close(data) ?? data);
    }
  }

  /** Says that this process is there, and how far it is. */
  #hello(): void {
    const now = this.#listen();
    this.#gap = Math.max(this.#gap, now - this.#lastHello - HELLO_MS);
    this.#lastHello = now;
    const member = this.#self();
    this.#members.update(member, now);
    this.#publish('notes', writeNote({ member }));
    this.#wakeAll();
  }

  /** The time; where this process could not listen for a while, others were not silent. */
  #listen(): number {
    const now = Date.now();
    const late = now - this.#lastListened;
    if (late > LATE_MS) this.#members.postpone(late);
    this.#lastListened = now;
    return now;
  }

  #self(): Member {
    const { id, name, ranks } = this.#options;
    return {
      ...{ id, name, ranks, rank: this.#rank, state: this.#state, group: this.#groupName },
      ...{ step: this.#step, exchange: this.#mailbox?.exchange ?? 0 },
      ...{ gap: Math.max(0, Math.round(this.#gap)), joined: this.#joined },
    };
  }

  #enter(state: MemberState): void {
    this.#state = state;
    this.#hello();
  }

  #takeNote(data: Uint8Array): void {
    const note = readNote(data);
    if (note === undefined) {
      this.#dropped++;
      return;
    }
    if ('proposal' in note) this.#takeProposal(note.proposal);
    else if (note.member.id !== this.#options.id) {
      const isNew = this.#members.get(note.member.id) === undefined;
      if (!this.#members.update(note.member, Date.now())) this.#dropped++;
      // Who is new wants to know who is there.
      else if (isNew) this.#hello();
    }
    this.#wakeAll();
  }

  #takeProposal({ group, members, steps }: Proposal): void {
    const rank = members.indexOf(this.#options.id);
    if (this.#state !== 'waiting' || rank < 0 || members.length !== this.size) return;
    const now = Date.now();
    if (members.some((id) => !this.#members.isAlive(id, now))) return;
    if (steps[rank] !== this.#step) return;
    this.#groupName = group;
    this.#group = members;
    this.#steps = steps;
    this.#rank = rank;
    this.#hasBegun = true;
    this.#mailbox = this.#makeMailbox(group);
    this.#enter('ready');
  }

  #makeMailbox(group: string): Mailbox {
    const hash = sha256(new TextEncoder().encode(`${this.#options.job} ${group}`));
    const word = (at: number): number => Number.parseInt(hash.slice(at, at + 8), 16);
    this.#before = { ...this.traffic };
    return new Mailbox(
      {
        group: [word(0), word(8)],
        ranks: this.size,
        rank: this.#rank,
        chunkBytes: chunkBytesOf(this.#connection.info?.max_payload),
        maxBytes: this.#options.maxBytes,
      },
      {
        send: (to, frame) =>
          this.#publish(to === 0xffff ? 'frames' : `frames.${this.#group[to]}`, frame),
        check: (missing) => this.#checkThere(missing),
        now: () => Date.now(),
        wait: () => this.#change(),
      },
    );
  }

  /** Resolves when something has come, or a little later. */
  #change(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, WAIT_MS);
      this.#wake.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  async #followConnection(): Promise<void> {
    for await (const { type } of this.#connection.status()) {
      if (this.#closed) return;
      if (type === 'disconnect') {
        this.#isConnected = false;
        this.#say('the connection to the NATS server is lost: waiting for it');
      }
      if (type === 'reconnect') {
        this.#isConnected = true;
        this.#members.forgive(Date.now());
        this.#say('the connection to the NATS server is there again');
        this.#hello();
      }
    }
  }

  #say(message: string): void {
    if (this.#waitedFor === message) return;
    this.#waitedFor = message;
    this.#options.onWait?.(message);
  }

  #describe(rank: number): string {
    const name = this.#members.get(this.#group[rank] as string)?.name;
    return `rank ${rank}${name === undefined ? '' : ` (${name})`}`;
  }

  /** @throws {RankLostError} if one of the ranks is lost */
  #checkThere(ranks: readonly number[]): void {
    if (this.#closed) throw new Error('the communicator was closed');
    if (!this.#isConnected) return;
    const now = this.#listen();
    const lost = ranks.filter((rank) => {
      const id = this.#group[rank] as string;
      const member = this.#members.get(id);
      if (!this.#members.isAlive(id, now)) return true;
      return member !== undefined && this.#state === 'running' && member.group !== this.#groupName;
    });
    if (lost.length === 0) return;
    const reasons = lost.map((rank) => {
      const id = this.#group[rank] as string;
      const member = this.#members.get(id);
      const silence = this.#members.silence(id, now);
      if (member?.state === 'left') return `${this.#describe(rank)} has left`;
      if (member !== undefined && member.group !== this.#groupName && silence < HELLO_MS * 4) {
        return `${this.#describe(rank)} begins the step again`;
      }
      return `${this.#describe(rank)} has not been heard of for ${(silence / 1000).toFixed(1)} s`;
    });
    throw new RankLostError(lost, reasons.join(', '));
  }

  protected async exchange(messages: Messages): Promise<readonly Uint8Array[]> {
    const mailbox = this.#mailbox;
    if (mailbox === undefined || this.#state !== 'running') {
      throw new Error('the ranks are not a group: call regroup first');
    }
    const isEmpty = messages instanceof Uint8Array && messages.length === 0;
    const { exchange } = mailbox;
    const isThrough = (rank: number): boolean => isEmpty && this.#isThrough(rank, exchange);
    const received = await mailbox.run(messages, isThrough);
    if (isEmpty) {
      // Others that had come may have given this rank up while it was busy: they wait for it again.
      await this.#flush();
      this.#checkThere(received.map((_, rank) => rank).filter((rank) => !isThrough(rank)));
    }
    return received;
  }

  /** Waits for what the server has for this process. */
  async #flush(): Promise<void> {
    if (this.#connection.isClosed() || !this.#isConnected) return;
    const pause = new Promise<void>((resolve) => setTimeout(resolve, 2 * HELLO_MS));
    await Promise.race([this.#connection.flush().catch(() => undefined), pause]);
  }

  /** Tells whether a rank has passed an exchange as its last one and has left. */
  #isThrough(rank: number, exchange: number): boolean {
    const member = this.#members.get(this.#group[rank] as string);
    if (member === undefined || member.group !== this.#groupName) return false;
    return (member.state === 'done' || member.state === 'left') && member.exchange > exchange;
  }

  async regroup({
    step,
    save,
  }: RankState): Promise<{ step: number; state: Uint8Array | undefined }> {
    this.#step = step;
    // The first group has formed when the ranks were connected.
    if (
      !(
        this.#state === 'running' &&
        this.#steps[this.#rank] === step &&
        this.#mailbox?.exchange === 0
      )
    ) {
      await this.form();
    }
    const newest = Math.max(...this.#steps);
    if (this.#steps.every((own) => own === newest)) return { step: newest, state: undefined };
    const donor = this.#steps.indexOf(newest);
    const bytes = this.#rank === donor ? save() : new Uint8Array(1);
    const found = await this.exchange(bytes);
    this.#steps = this.#steps.map(() => newest);
    return { step: newest, state: step === newest ? undefined : (found[donor] as Uint8Array) };
  }

  /** Waits until a group of all ranks has formed. */
  async form(): Promise<void> {
    this.#groupName = '';
    this.#enter('waiting');
    const start = Date.now();
    let readySince = 0;
    let proposed = 0;
    for (;;) {
      await this.#change();
      if (this.#closed) throw new Error('the communicator was closed');
      if (!this.#isConnected) continue;
      const now = this.#listen();
      const alive = this.#members.alive(now);
      this.#checkWelcome(alive, now - start);
      if (this.#state === 'ready') {
        readySince ||= now;
        const isComplete = this.#group.every((id) => {
          const member = this.#members.get(id);
          const isIn = member?.state === 'ready' || member?.state === 'running';
          return isIn && member.group === this.#groupName;
        });
        if (isComplete) {
          this.#enter('running');
          this.#waitedFor = '';
          return;
        }
        if (now - readySince < READY_MS) continue;
        // Not all took the proposal: it is made once more.
        this.#groupName = '';
        this.#enter('waiting');
      }
      readySince = 0;
      const chosen = chooseGroup(alive, this.size);
      this.#sayMissing(alive);
      if (chosen === undefined || chosen[0]?.id !== this.#options.id) continue;
      if (now - proposed < HELLO_MS) continue;
      proposed = now;
      const group = randomId();
      const proposal = {
        group,
        members: chosen.map(({ id }) => id),
        steps: chosen.map(({ step }) => step),
      };
      this.#publish('notes', writeNote({ proposal }));
      this.#takeProposal(proposal);
    }
  }

  /** @throws {RangeError} if the job has its ranks without this process, or another number of them */
  #checkWelcome(alive: readonly Member[], listened: number): void {
    const { ranks, job, id } = this.#options;
    const other = alive.find((member) => member.ranks !== ranks);
    if (other !== undefined) {
      throw new RangeError(
        `connectRanks: ${other.name} has begun job ${job} with ${other.ranks} ranks, not ${ranks}`,
      );
    }
    if (listened < LISTEN_MS || this.#state === 'ready') return;
    const working = alive.filter(
      (member) => member.id !== id && ['running', 'ready', 'done'].includes(member.state),
    );
    for (const { group } of working) {
      const own = working.filter((member) => member.group === group);
      if (own.length < ranks) continue;
      const names = own.sort((a, b) => a.rank - b.rank).map(({ name }) => name);
      throw new RangeError(
        this.#hasBegun
          ? `connectRanks: rank ${this.#rank} of job ${job} was given to another process: ${names.join(', ')}`
          : `connectRanks: job ${job} has its ${ranks} ranks already: ${names.join(', ')}`,
      );
    }
  }

  #sayMissing(alive: readonly Member[]): void {
    const free = alive.filter(({ state }) => state === 'waiting' || state === 'ready');
    const busy = alive.filter(({ state }) => state === 'running');
    const missing = this.size - free.length;
    if (missing <= 0) return;
    const lost = this.#hasBegun
      ? this.#group.flatMap((id, rank) => {
          return free.some((member) => member.id === id) ? [] : this.#describe(rank);
        })
      : [];
    const whom = lost.length > 0 ? lost.join(', ') : `${missing} of ${this.size} ranks`;
    const at = busy.length > 0 && lost.length === 0 ? `; ${busy.length} are at work` : '';
    this.#say(`job ${this.#options.job}: waiting for ${whom}${at}`);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    const isThrough = this.#state === 'running';
    if (isThrough) {
      this.#enter('done');
      const end = Date.now() + LINGER_MS;
      const others = this.#group.filter((id) => id !== this.#options.id);
      const isNeeded = (id: string): boolean => {
        const member = this.#members.get(id);
        return (
          this.#members.isAlive(id, Date.now()) &&
          member?.state === 'running' &&
          member.group === this.#groupName
        );
      };
      while (Date.now() < end && this.#isConnected && others.some(isNeeded)) await this.#change();
    }
    this.#enter('left');
    this.#closed = true;
    clearInterval(this.#timer as never);
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    this.#wakeAll();
    if (!this.#connection.isClosed() && this.#isConnected) {
      await this.#connection.flush().catch(() => undefined);
    }
  }
}
