/**
 * Emoji as four vendors draw them, with their names and keywords: the drawings of the npm packages
 * `@iconify-json/…`, rendered to 32 x 32 pixels on white, for every name that all vendors have;
 * keywords are emojilib's. The sample has the drawings of one vendor, which CLIP is not trained on.
 *
 *   emoji.json   { side, vendor, captions }: a caption is `name; keyword; keyword; …`
 *   pixels.br    u8 (names, side, side, 3), each less the pixel to its left
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { brotliCompressSync, constants } from 'node:zlib';
import { initWasm, Resvg } from '@resvg/resvg-wasm';

const SIDE = 32;
const CHANNELS = 3;
/** The best quality is a tenth smaller, and takes seven seconds instead of a third of one. */
const BROTLI_QUALITY = 9;
/** The vendor whose drawings are never trained on. */
export const HELD_OUT_VENDOR = 'fluent-emoji-flat';
/** Names whose drawing by some vendor the renderer gives up on. */
const NOT_RENDERED = ['package', 'rainbow-flag'];

export interface Vendor {
  name: string;
  by: string;
  license: string;
}

export const VENDORS: readonly Vendor[] = [
  { name: 'noto', by: 'Google', license: 'Apache-2.0' },
  { name: 'twemoji', by: 'Twitter and others', license: 'CC-BY-4.0' },
  { name: 'openmoji', by: 'the OpenMoji project, HfG Schwäbisch Gmünd', license: 'CC-BY-SA-4.0' },
  { name: 'fluent-emoji-flat', by: 'Microsoft', license: 'MIT' },
];

const NOTICE = `Emoji as Microsoft draws them (Fluent Emoji, flat, https://github.com/microsoft/fluentui-emoji),
rendered to ${SIDE} x ${SIDE} pixels: those whose names Google's Noto, Twemoji and OpenMoji have, too. Taken
from the npm package @iconify-json/fluent-emoji-flat; changed only by rendering.

Keywords are those of the npm package "emojilib" (MIT), by Mu-An Chiou and others.

MIT License, Copyright (c) Microsoft Corporation (drawings), Copyright (c) 2014 Mu-An Chiou (keywords).

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction,
including without limitation the rights to use, copy, modify, merge, publish, distribute,
sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions: The above copyright notice and this
permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT
NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES
OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN
CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`;

interface Icons {
  icons: Record<string, { body: string; width?: number; height?: number }>;
  width?: number;
  height?: number;
}

/** Words divided by hyphens, as the drawings' names are. */
function slug(text: string): string {
  const plain = text
    .toLowerCase()
    .normalize('NFD')
    .replace(/\p{Mn}/gu, '');
  return plain.replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '');
}

/** Keywords by name. */
function readKeywords(): Map<string, string[]> {
  const text = readFileSync('node_modules/emojilib/dist/emoji-en-US.json', 'utf8');
  const entries = Object.values(JSON.parse(text) as Record<string, string[]>);
  return new Map(entries.map(([name = '', ...words]) => [slug(name), words]));
}

/** A drawing's pixels, (side, side, 3). */
function render({ icons, width = 16, height = 16 }: Icons, name: string): Uint8Array {
  const { body, width: w = width, height: h = height } = icons[name] as Icons['icons'][string];
  const spaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"';
  const svg = `<svg ${spaces} viewBox="0 0 ${w} ${h}">${body}</svg>`;
  const options = { fitTo: { mode: 'width', value: SIDE }, background: '#fff' } as const;
  const { pixels } = new Resvg(svg, options).render();
  return Uint8Array.from(
    { length: SIDE * SIDE * CHANNELS },
    (_, i) => pixels[4 * Math.floor(i / CHANNELS) + (i % CHANNELS)] as number,
  );
}

export interface Emoji {
  side: number;
  vendors: string[];
  /** One per name. */
  captions: string[];
  /** (names, vendors, side, side, 3) */
  pixels: Uint8Array;
}

let ready: Promise<void> | undefined;

/** Renders all emoji that every vendor has, as some vendors draw them. */
export async function renderEmoji(vendors = VENDORS.map(({ name }) => name)): Promise<Emoji> {
  ready ??= initWasm(readFileSync('node_modules/@resvg/resvg-wasm/index_bg.wasm'));
  await ready;
  const sets = VENDORS.map(({ name }): [string, Icons] => {
    return [
      name,
      JSON.parse(readFileSync(`node_modules/@iconify-json/${name}/icons.json`, 'utf8')),
    ];
  });
  const names = Object.keys(sets[0]?.[1].icons ?? {})
    .filter((name) => sets.every(([, { icons }]) => icons[name] !== undefined))
    .filter((name) => !NOT_RENDERED.includes(name))
    .sort();
  const wanted = sets.filter(([vendor]) => vendors.includes(vendor));
  const keywords = readKeywords();
  return {
    side: SIDE,
    vendors: wanted.map(([vendor]) => vendor),
    captions: names.map((name) =>
      [name.replaceAll('-', ' '), ...(keywords.get(name) ?? [])].join('; '),
    ),
    pixels: Buffer.concat(names.flatMap((name) => wanted.map(([, set]) => render(set, name)))),
  };
}

export async function packEmoji(folder: string): Promise<void> {
  const { pixels, side, captions } = await renderEmoji([HELD_OUT_VENDOR]);
  const row = SIDE * CHANNELS;
  const packed = pixels.map((value, i) =>
    i % row < CHANNELS ? value : value - (pixels[i - CHANNELS] as number),
  );
  const index = { side, vendor: HELD_OUT_VENDOR, captions };
  writeFileSync(`${folder}/emoji.json`, `${JSON.stringify(index)}\n`);
  const params = {
    [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
    [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY,
  };
  writeFileSync(`${folder}/pixels.br`, brotliCompressSync(packed, { params }));
  writeFileSync(`${folder}/LICENSE.txt`, NOTICE);
}
