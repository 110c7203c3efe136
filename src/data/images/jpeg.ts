/**
 * JPEG to pixels by libjpeg-turbo: as Pillow decodes them, to the bit. Large images are reduced by
 * their cosine transform.
 */

import code from '@cwasm/jpeg-turbo/jpeg-turbo.wasm';
import { allocate, Codec, type CodecExports, copyIn } from './codec.js';
import { readOrientation, swapsSides, turned } from './exif.js';
import { type NeededSize, reduction } from './reduce.js';
import type { DecodedImage } from './resize.js';

/** Header of a JPEG file: the segments before its pixels. */
export interface JpegHeader {
  width: number;
  height: number;
  /** Number of components: 1 gray, 3 color, 4 CMYK. */
  components: number;
  /** True with an Adobe marker, which says that CMYK is inverted. */
  adobe: boolean;
  /** Orientation of EXIF, 1 to 8; from 5 on, width and height are swapped. */
  orientation: number;
  /** Coefficients of all components. */
  coefficients: number;
  /** True if the coefficients come bit by bit, in several scans. */
  progressive: boolean;
  /** Offset of the frame. */
  frame: number;
}

/** Markers of frames, but for those of tables. */
const isFrame = (marker: number): boolean =>
  marker >= 0xffc0 && marker <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(marker);

/** Kinds of frames that are not decoded. */
const OTHER_FRAMES: Readonly<Record<number, string>> = {
  65475: 'lossless',
  65481: 'arithmetic',
  65482: 'arithmetic',
  65483: 'lossless',
};

/**
 * Reads the segments of a JPEG file up to its frame.
 *
 * @throws {RangeError} if the file ends before it
 * @throws {Error} if the frame is of a kind that is not decoded
 */
export function readJpegHeader(bytes: Uint8Array): JpegHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let orientation = 1;
  let adobe = false;
  for (let at = 2; ; ) {
    const marker = view.getUint16(at);
    if (marker === 0xffff) {
      at++;
    } else if (isFrame(marker)) {
      return { ...readFrame(view, at, marker), orientation, adobe };
    } else if (marker < 0xff01 || marker === 0xffda) {
      throw new Error('has no JPEG frame');
    } else {
      const length = view.getUint16(at + 2);
      const segment = bytes.subarray(at + 4, at + 2 + length);
      if (marker === 0xffe1 && isText(segment, 'Exif\0\0')) {
        orientation = readOrientation(segment.subarray(6)) ?? orientation;
      }
      if (marker === 0xffee && isText(segment, 'Adobe')) adobe = true;
      at += 2 + length;
    }
  }
}

function readFrame(view: DataView, at: number, marker: number) {
  const [height, width] = [view.getUint16(at + 5), view.getUint16(at + 7)];
  const [precision, components] = [view.getUint8(at + 4), view.getUint8(at + 9)];
  if (precision !== 8)
    throw new Error(`is a JPEG of ${precision} bits per sample, only 8 are read`);
  if (marker > 0xffc2) {
    throw new Error(
      `is a JPEG of the ${OTHER_FRAMES[marker] ?? 'hierarchical'} kind, which is not read`,
    );
  }
  if (![1, 3, 4].includes(components)) throw new Error(`is a JPEG of ${components} components`);
  const factors = Array.from({ length: components }, (_, i) => view.getUint8(at + 11 + 3 * i));
  const [across, down] = [factors.map((both) => both >> 4), factors.map((both) => both & 15)];
  const samples = across.reduce((sum, factor, i) => sum + factor * (down[i] as number), 0);
  const block = Math.max(...across) * Math.max(...down);
  const coefficients = Math.floor((width * height * samples) / block);
  return { width, height, components, coefficients, progressive: marker === 0xffc2, frame: at };
}

function isText(bytes: Uint8Array, text: string): boolean {
  return [...text].every((character, i) => bytes[i] === character.charCodeAt(0));
}

/** Largest memory for the coefficients of an image that comes in several scans, in bytes. */
const MAX_COEFFICIENT_BYTES = 2 ** 29;
/** Each scan goes over the whole image: more than ten are rare. */
const MAX_SCANS = 100;

/** Refuses files that lack a part, and those that would take very long or much memory. */
function checkScans(
  bytes: Uint8Array,
  { frame, components, coefficients, progressive }: JpegHeader,
): void {
  // A block of 64 coefficients takes a bit for the first one, and one for the end of the others.
  if ((bytes.length - frame) * 8 < (coefficients / 64) * (progressive ? 1 : 2)) {
    throw new Error('ends within its pixels');
  }
  let scans = 0;
  let ended = false;
  let interleaved = false;
  for (let at = frame; ; at++) {
    at = bytes.indexOf(0xff, at);
    if (at < 0) break;
    if (bytes[at + 1] === 0xda) {
      scans++;
      interleaved = bytes[at + 4] === components;
    }
    ended ||= bytes[at + 1] === 0xd9;
  }
  if (scans > MAX_SCANS) throw new Error(`has ${scans} scans, at most ${MAX_SCANS} are read`);
  // One scan with all components tells by itself whether it is whole.
  if (!ended && (progressive || !interleaved || scans !== 1)) {
    throw new Error('ends within its pixels');
  }
  if (scans > 1 && 2 * coefficients > MAX_COEFFICIENT_BYTES) {
    throw new Error(`has ${coefficients} coefficients in ${scans} scans, which is too many`);
  }
}

/** Functions of libjpeg-turbo. */
interface JpegTurbo extends CodecExports {
  tjInitDecompress(): number;
  tjDestroy(decoder: number): number;
  tjDecompressHeader3(decoder: number, ...rest: number[]): number;
  tjDecompress2(
    decoder: number,
    bytes: number,
    length: number,
    pixels: number,
    width: number,
    pitch: number,
    height: number,
    format: number,
    flags: number,
  ): number;
}

/** Numbers of pixel formats, by components, and bytes per pixel. */
const FORMATS: Readonly<Record<number, readonly [number, number]>> = {
  1: [6, 1],
  3: [0, 3],
  4: [11, 4],
};

const END_OF_IMAGE = Uint8Array.of(0xff, 0xd9);
/** Warning that does not mean damage: some writers pad their scans. */
const HARMLESS = /extraneous bytes before marker/;

const turbo = new Codec<JpegTurbo>(code);

/**
 * Decodes a JPEG file.
 *
 * @param needed size that the image is needed at; a large one is reduced to a few times that
 * @returns u8 (height, width, 1 or 3), turned as the file says
 * @throws {Error} if the file is damaged
 */
export function decodeJpeg(
  bytes: Uint8Array,
  header: JpegHeader,
  needed: NeededSize | undefined,
): DecodedImage {
  checkScans(bytes, header);
  const { orientation, components } = header;
  const asStored =
    needed && swapsSides(orientation) ? { height: needed.width, width: needed.height } : needed;
  // The library reduces by 2, 4 and 8.
  const wanted = reduction(header, asStored);
  const factor = [8, 4, 2].find((side) => side <= wanted) ?? 1;
  const [width, height] = [header.width, header.height].map((side) => Math.ceil(side / factor)) as [
    number,
    number,
  ];
  const [format, size] = FORMATS[components] as [number, number];
  const data = turbo.run((codec) => {
    const decoder = codec.tjInitDecompress();
    // A file without its end is whole if its last scan is; it decodes with a warning if not.
    const file = copyIn(codec, bytes, END_OF_IMAGE);
    const pixels = allocate(codec, width * height * size);
    const length = bytes.length + END_OF_IMAGE.length;
    const pitch = width * size;
    clearMessage(codec, decoder);
    let failed = true;
    try {
      failed =
        codec.tjDecompress2(decoder, file, length, pixels, width, pitch, height, format, 0) !== 0;
    } catch {
      // An error of the library, or one of its jumps out of an error.
    }
    if (failed && !HARMLESS.test(lastMessage(codec))) throw new Error(lastMessage(codec));
    const out = new Uint8Array(codec.memory.buffer, pixels, width * height * size).slice();
    codec.tjDestroy(decoder);
    codec.free(pixels);
    codec.free(file);
    return out;
  });
  const image =
    components === 4
      ? { width, height, channels: 3, data: fromCmyk(data, header.adobe) }
      : { width, height, channels: components, data };
  return turned(image, orientation);
}

/** Message of a call without arguments. */
const INVALID = 'tjDecompressHeader3(): Invalid argument';
/** Address of the last message, in every instance. */
let messageAddress: number | undefined;

/**
 * Clears the last message of the library. The module exports no function that reads it, but a
 * call without arguments shows where it is: behind the library's constants, before what it allocates.
 */
function clearMessage(codec: JpegTurbo, decoder: number): void {
  codec.tjDecompressHeader3(decoder, 0, 0, 0, 0, 0, 0);
  const constants = new Uint8Array(codec.memory.buffer, 0, decoder);
  if (messageAddress === undefined) {
    const wanted = Array.from(INVALID, (letter) => letter.charCodeAt(0));
    for (let at = decoder - wanted.length; at > 0 && messageAddress === undefined; at--) {
      if (wanted.every((byte, i) => constants[at + i] === byte)) messageAddress = at;
    }
  }
  if (messageAddress !== undefined) constants[messageAddress] = 0;
}

/** Reads the last message of the library. */
function lastMessage({ memory }: JpegTurbo): string {
  const bytes = new Uint8Array(memory.buffer, messageAddress ?? 0);
  const length = messageAddress === undefined ? 0 : bytes.indexOf(0);
  return String.fromCharCode(...bytes.subarray(0, length)) || 'its data is damaged';
}

/** Converts CMYK to RGB, as Pillow does. */
function fromCmyk(data: Uint8Array, inverted: boolean): Uint8Array {
  const out = new Uint8Array((data.length / 4) * 3);
  const flip = inverted ? 0 : 255;
  for (let from = 0, to = 0; from < data.length; from += 4) {
    const key = (data[from + 3] as number) ^ flip;
    for (let c = 0; c < 3; c++, to++) {
      out[to] = Math.round((((data[from + c] as number) ^ flip) * key) / 255);
    }
  }
  return out;
}
