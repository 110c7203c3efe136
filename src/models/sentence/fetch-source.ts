/** Where the files of a folder are: a URL's folder, or a revision on a hub such as Hugging Face's. */

import { rangeError, show, typeError } from '../../core/validation.js';

/** A model on a hub. */
export interface HubModel {
  /** Address of the hub, without a slash at its end. */
  hub: string;
  /** owner/name */
  id: string;
  /** Branch, tag or commit. */
  revision: string;
}

/** A folder of files that can be fetched. */
export interface Source {
  /** Address of a file of the folder. */
  urlOf(path: string): URL;
  /** The model on a hub, if it is one. */
  model: HubModel | undefined;
}

const HUB_ID = /^(\w[\w.-]*\/\w[\w.-]*)(?:@(.+))?$/;
/** Page of a model, or of its files at a revision. */
const HUB_PAGE = /^\/(\w[\w.-]*\/\w[\w.-]*)(?:\/(?:tree|resolve|blob)\/([^/]+))?\/?$/;

/** The address of a file or folder without what may be secret in it: the user and the query. */
export function showUrl(url: URL): string {
  const path = url.protocol === 'file:' ? `file://${url.pathname}` : `${url.origin}${url.pathname}`;
  return path + (url.search === '' ? '' : '?…');
}

/** Parts of a path, each as a URL has it. */
function encodePath(path: string): string {
  if (path.split('/').some((part) => part === '.' || part === '..')) {
    throw new RangeError(`fetchSentenceEncoder: ${show(path)} is not within the folder`);
  }
  return path.split('/').map(encodeURIComponent).join('/');
}

/** A revision of a model on a hub, whose files are at the addresses that Hugging Face's hub has. */
export function hubSource(model: HubModel): Source {
  const { hub, id, revision } = model;
  const base = `${hub}/${id}/resolve/${encodeURIComponent(revision)}/`;
  return { model, urlOf: (path) => new URL(base + encodePath(path)) };
}

/** A folder behind a URL; its query goes with every file. */
function folderSource(url: URL): Source {
  const base = new URL(url.href);
  base.hash = '';
  if (!base.pathname.endsWith('/')) base.pathname += '/';
  return {
    model: undefined,
    urlOf(path) {
      const file = new URL(base.href);
      file.pathname += encodePath(path);
      return file;
    },
  };
}

/** Checks the address of a hub. */
export function checkHub(name: string, argument: string, value: unknown): string {
  const text = typeof value === 'string' ? value : (value as { href?: unknown } | null)?.href;
  if (typeof text !== 'string') typeError(name, argument, 'a URL', value);
  const url = parse(name, argument, text);
  if (!/^https?:$/.test(url.protocol)) rangeError(name, argument, 'a URL of http or https', text);
  return (url.origin + url.pathname).replace(/\/+$/, '');
}

function parse(name: string, argument: string, text: string, base?: string): URL {
  let url: URL;
  try {
    url = new URL(text, base);
  } catch {
    rangeError(name, argument, 'a valid URL', text);
  }
  if (url.username !== '' || url.password !== '') {
    // Not shown, as it is a secret.
    throw new RangeError(
      `${name}: ${argument} must hold no user name and password; give headers: { authorization: … }`,
    );
  }
  return url;
}

/**
 * Reads the argument that says which folder is meant.
 *
 * @param given a URL of a folder (http, https or file), one relative to a page, or owner/name[@revision]
 * @param hub address of the hub
 * @param revision the option, which may not differ from one in the argument
 */
export function readSource(
  name: string,
  given: unknown,
  hub: string,
  revision: string | undefined,
): Source {
  const text = typeof given === 'string' ? given : (given as { href?: unknown } | null)?.href;
  if (typeof text !== 'string') {
    typeError(name, 'url', 'the URL of a folder, or owner/name of a model on a hub', given);
  }
  const id = HUB_ID.exec(text);
  if (id !== null) {
    const [, model = '', own] = id;
    if (own !== undefined && revision !== undefined && own !== revision) {
      rangeError(name, 'revision', `${own}, as the id says,`, revision);
    }
    return hubSource({ hub, id: model, revision: own ?? revision ?? 'main' });
  }
  const url = absolute(name, text);
  const page = url.href.startsWith(`${hub}/`)
    ? HUB_PAGE.exec(url.href.slice(hub.length).replace(/[?#].*$/, ''))
    : null;
  if (page !== null) {
    const [, model = '', encoded] = page;
    const own = encoded === undefined ? undefined : decodeURIComponent(encoded);
    return hubSource({ hub, id: model, revision: own ?? revision ?? 'main' });
  }
  if (revision !== undefined) {
    throw new RangeError(
      `${name}: revision is for models on a hub, and url is the URL of a folder`,
    );
  }
  return folderSource(url);
}

function absolute(name: string, text: string): URL {
  // A letter before the colon is a drive of Windows.
  if (/^[a-z][a-z0-9+.-]+:/i.test(text)) {
    const url = parse(name, 'url', text);
    if (['http:', 'https:', 'file:'].includes(url.protocol)) return url;
    rangeError(name, 'url', 'of http, https or file', url.protocol);
  }
  const { location } = globalThis as { location?: { href?: string } };
  const base = location?.href;
  if (/^\.{0,2}\//.test(text) && typeof base === 'string' && /^https?:/.test(base)) {
    return parse(name, 'url', text, base);
  }
  throw new RangeError(
    `${name}: url must be the URL of a folder (https://…, in a page also ./…, in Node also file:…) or owner/name of a model on a hub, got ${JSON.stringify(text.slice(0, 80))}`,
  );
}
