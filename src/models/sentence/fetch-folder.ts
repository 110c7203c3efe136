/** The files of a folder: which of them an encoder needs, from a cache or from the network. */

import { type Files, readJson } from '../files/files.js';
import { weightFiles } from '../files/shards.js';
import { type Folder, pathOf } from './config.js';
import { decodeText, type FetchCache, fileSystem, readEntry, writeEntry } from './fetch-cache.js';
import {
  type FetchedFile,
  type FileContext,
  fetchFile,
  fetchValidator,
  Unreachable,
} from './fetch-file.js';
import { type HubModel, hubSource, type Source, showUrl } from './fetch-source.js';
import { guessModules, readModules, refuseModule, SETTINGS } from './load.js';

/** Files that are fetched at once. */
const AT_ONCE = 4;

/** Commit and files of a revision, as a hub lists them. */
interface Listing {
  commit: string;
  files: ReadonlyMap<string, { size: number | undefined; sha256: string | undefined }>;
}

const COMMIT = /^[0-9a-f]{40}$/;

/** Reads what a hub says of a model's revision; undefined where it is no such thing. */
function readListing(bytes: Uint8Array): Listing | undefined {
  try {
    const { sha, siblings } = JSON.parse(decodeText(bytes)) as {
      sha?: unknown;
      siblings?: readonly { rfilename?: unknown; size?: unknown; lfs?: { sha256?: unknown } }[];
    };
    if (typeof sha !== 'string' || !COMMIT.test(sha) || !Array.isArray(siblings)) return undefined;
    const files = new Map<string, { size: number | undefined; sha256: string | undefined }>();
    for (const { rfilename: path, size, lfs } of siblings) {
      if (typeof path !== 'string') return undefined;
      const hash = lfs?.sha256;
      files.set(path, {
        size: Number.isSafeInteger(size) ? size : undefined,
        sha256: typeof hash === 'string' && /^[0-9a-f]{64}$/.test(hash) ? hash : undefined,
      });
    }
    return { commit: sha, files };
  } catch {
    return undefined;
  }
}

/** Fetches files one by one, from where they are. */
export class FolderFetcher {
  readonly #context: FileContext;
  readonly #cache: FetchCache | undefined;
  #source: Source;
  #listing: Listing | undefined;
  /** Files that the folder had when it was kept, where no list says which it has now. */
  #kept: readonly string[] | undefined;
  /** Files that were not in the cache. */
  readonly #fresh = new Map<string, FetchedFile>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  readonly files: Files = new Map();

  constructor(context: FileContext, cache: FetchCache | undefined, source: Source) {
    this.#context = context;
    this.#cache = cache;
    this.#source = source;
  }

  /** Reads what is known of the folder before its files are. */
  async open(): Promise<void> {
    const { model } = this.#source;
    if (model !== undefined) await this.#list(model);
    if (this.#listing !== undefined || this.#cache === undefined) return;
    const entry = await readEntry(this.#cache, this.#keptUrl);
    if (entry === undefined) return;
    this.#kept = JSON.parse(decodeText(entry.bytes)) as readonly string[];
  }

  /** Address under which the names of the files are kept. */
  get #keptUrl(): URL {
    return this.#source.urlOf('nearfar files');
  }

  /** Asks a hub for the commit of a revision, and for sizes and hashes of its files. */
  async #list(model: HubModel): Promise<void> {
    const { hub, id, revision } = model;
    const url = new URL(
      `${hub}/api/models/${id}/revision/${encodeURIComponent(revision)}?blobs=true`,
    );
    const cached = this.#cache && (await readEntry(this.#cache, url));
    const known = cached && readListing(cached.bytes);
    // A commit never changes.
    if (COMMIT.test(revision) && known?.commit === revision) {
      this.#use(model, known);
      return;
    }
    const path = `api/models/${id}`;
    const request = { path, url, optional: true, size: undefined, sha256: undefined };
    let fetched: FetchedFile | undefined;
    try {
      fetched = await fetchFile({ ...this.#context, onBytes: () => {} }, request);
    } catch (error) {
      const { signal } = this.#context;
      if (signal.aborted) throw signal.reason;
      // Without a network, what was known stays; and not every server of files has these lists.
      if (error instanceof Unreachable && known !== undefined) this.#use(model, known);
      return;
    }
    const listing = fetched && readListing(fetched.bytes);
    if (fetched === undefined || listing === undefined) return;
    if (this.#cache) await writeEntry(this.#cache, url, fetched);
    this.#use(model, listing);
  }

  #use(model: HubModel, listing: Listing): void {
    this.#listing = listing;
    this.#source = hubSource({ ...model, revision: listing.commit });
  }

  /** True if the folder may have a file. */
  mayHave(path: string): boolean {
    return this.#listing?.files.has(path) ?? true;
  }

  /** True if it is known which files the folder has. */
  get isListed(): boolean {
    return this.#listing !== undefined;
  }

  #missing(path: string): never {
    const pickle = path.replace('model.safetensors', 'pytorch_model.bin');
    const advice =
      pickle !== path && this.#listing?.files.has(pickle)
        ? 'pytorch_model.bin can run code when it is read: convert it with save_pretrained in Python'
        : 'check the address';
    const at = `${path} (${showUrl(this.#source.urlOf(path))})`;
    throw new Error(`${this.#context.name}: ${at}: it is not there: ${advice}`);
  }

  /** Gets a file, and gives it to `files`. False if it is not there and may be missing. */
  async get(path: string, optional = false): Promise<boolean> {
    if (this.files.has(path)) return true;
    if (this.#running >= AT_ONCE) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#running++;
    try {
      const bytes = await this.#obtain(path, optional);
      if (bytes === undefined) return false;
      this.files.set(path, bytes);
      return true;
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }

  async #obtain(path: string, optional: boolean): Promise<Uint8Array | undefined> {
    const { signal, onBytes } = this.#context;
    if (signal.aborted) throw signal.reason;
    if (!this.mayHave(path)) {
      if (optional) return undefined;
      this.#missing(path);
    }
    const url = this.#source.urlOf(path);
    if (url.protocol === 'file:') return this.#readFile(path, url, optional);
    const cached = await this.#match(url);
    if (signal.aborted) throw signal.reason;
    if (cached !== undefined) {
      onBytes(path, cached.length, cached.length);
      return cached;
    }
    const { size, sha256 } = this.#listing?.files.get(path) ?? {
      size: undefined,
      sha256: undefined,
    };
    // Without a network, a file that was not there before is not waited for.
    const absent = optional && this.#kept !== undefined && !this.#kept.includes(path);
    const context = absent ? { ...this.#context, retries: 0 } : this.#context;
    try {
      const fetched = await fetchFile(context, { path, url, optional, size, sha256 });
      if (fetched === undefined) return undefined;
      this.#fresh.set(path, fetched);
      return fetched.bytes;
    } catch (error) {
      if (absent && error instanceof Unreachable) return undefined;
      throw error;
    }
  }

  /** A file of the cache, if it is still what the server has, or the server can't be reached. */
  async #match(url: URL): Promise<Uint8Array | undefined> {
    const entry = this.#cache && (await readEntry(this.#cache, url));
    if (entry === undefined) return undefined;
    if (this.#listing !== undefined) return entry.bytes;
    const { reached, validator } = await fetchValidator(this.#context, url);
    const same = validator !== undefined && validator === entry.validator;
    return same || !reached ? entry.bytes : undefined;
  }

  async #readFile(path: string, url: URL, optional: boolean): Promise<Uint8Array | undefined> {
    const { name, onBytes, maxBytes, others } = this.#context;
    const fail = (problem: string): never => {
      throw new Error(`${name}: ${path} (${showUrl(url)}): ${problem}`);
    };
    const files = fileSystem();
    if (files === undefined) return fail('this runtime has no file system');
    try {
      // Node takes a URL in place of a path.
      const at = url as unknown as string;
      const { size } = await files.stat(at);
      if (size + others(path) > maxBytes) fail(`the folder is larger than maxBytes, ${maxBytes}`);
      const bytes = new Uint8Array(await files.readFile(at));
      onBytes(path, bytes.length, bytes.length);
      return bytes;
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      if (code === undefined) throw error;
      if (optional && (code === 'ENOENT' || code === 'ENOTDIR')) return undefined;
      return fail(`cannot read it (${code ?? message})`);
    }
  }

  /** Keeps what was not in the cache. */
  async keep(): Promise<void> {
    const cache = this.#cache;
    if (cache === undefined || this.#fresh.size === 0) return;
    for (const [path, file] of this.#fresh) await writeEntry(cache, this.#source.urlOf(path), file);
    if (this.#listing !== undefined) return;
    const bytes = new TextEncoder().encode(JSON.stringify([...this.files.keys()]));
    await writeEntry(cache, this.#keptUrl, { bytes, validator: undefined });
  }
}

/** Fetches the files that an encoder reads: those of the modules that modules.json names. */
export async function fetchFolder(fetcher: FolderFetcher, folder: Folder): Promise<void> {
  await fetcher.open();
  const get = (path: string): Promise<boolean> => fetcher.get(path);
  const find = (path: string): Promise<boolean> => fetcher.get(path, true);
  await Promise.all([find('modules.json'), find('config_sentence_transformers.json')]);
  if (!folder.files.has('modules.json')) await get('config.json');
  const modules = readModules(folder) ?? guessModules(folder);
  /** The weights of a module, in one file or in shards. */
  const getWeights = async (at: string): Promise<void> => {
    const whole = pathOf(at, 'model.safetensors');
    if (await find(whole)) return;
    const isSharded = await find(pathOf(at, 'model.safetensors.index.json'));
    const paths = isSharded ? weightFiles(folder.name, folder.files, pathOf(at, '')) : [whole];
    await Promise.all(paths.map(get));
  };
  const fetchModule = async (type: string, at: string): Promise<void> => {
    const file = (path: string): string => pathOf(at, path);
    switch (type) {
      case 'Transformer': {
        await get(file('config.json'));
        const { model_type: kind } = readJson(folder.name, folder.files, file('config.json'));
        const settings = SETTINGS.filter(
          (each) => fetcher.isListed || each === 'bert' || each === kind,
        );
        await Promise.all([
          ...settings.map((each) => find(file(`sentence_${each}_config.json`))),
          find(file('tokenizer_config.json')),
          find(file('tokenizer.json')).then((found) => found || get(file('vocab.txt'))),
          getWeights(at),
        ]);
        return;
      }
      case 'StaticEmbedding':
        await Promise.all([find(file('config.json')), get(file('tokenizer.json')), getWeights(at)]);
        return;
      case 'Pooling':
        await get(file('config.json'));
        return;
      case 'Dense':
      case 'LayerNorm':
        await Promise.all([get(file('config.json')), getWeights(at)]);
        return;
      case 'Normalize':
        await find(file('config.json'));
        return;
      case 'Dropout':
        return;
      default:
        refuseModule(type);
    }
  };
  // Refused before anything large is fetched.
  await Promise.all(modules.map(({ type, path }) => fetchModule(type, path)));
}
