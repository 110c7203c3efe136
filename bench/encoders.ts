/** Finds the folders of sentence encoders that are timed, and has Python write them as ONNX. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Files } from '../src/models/index.js';
import { type EncoderFolder, encodingNames, kindOf } from './encoding.js';
import { COMMAND } from './peers/python.js';

/** Script that writes a transformer as ONNX: MODEL_DIR OUT_DIR. */
const SCRIPT = 'export-onnx.py';

function filesOf(folder: string): Files {
  const files: Files = new Map();
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(
      path.slice(folder.length + 1).replaceAll('\\', '/'),
      new Uint8Array(readFileSync(path)),
    );
  }
  return files;
}

/**
 * Reads the encoders in a folder of folders.
 *
 * @param name text that the name of a workload must contain
 * @param note called with what is missing
 */
export function readEncoders(
  folder: string,
  name: string,
  note: (text: string) => void,
): EncoderFolder[] {
  if (!existsSync(folder)) {
    note(`without sentence encoders: ${folder} is not there (--models names another folder)`);
    return [];
  }
  const isEncoder = (path: string): boolean =>
    existsSync(join(path, 'modules.json')) || existsSync(join(path, 'config.json'));
  const wanted = (each: EncoderFolder): boolean =>
    [`load ${each.name}`, ...encodingNames(each)].some((title) =>
      title.toLowerCase().includes(name.toLowerCase()),
    );
  const found = readdirSync(folder)
    .filter((entry) => isEncoder(join(folder, entry)))
    .map((entry) => {
      const path = join(folder, entry);
      return { name: entry, path, files: filesOf(path) };
    });
  if (found.length === 0) note(`without sentence encoders: ${folder} has none`);
  return found.filter(wanted);
}

/** Folders that are removed at the end. */
export class OnnxFolders {
  readonly #made: string[] = [];

  /**
   * Gives each transformer its folder in ONNX.
   * @param given folder that has them by name, if they are not made here
   * @param note called with why there is none
   */
  add(
    encoders: readonly EncoderFolder[],
    models: string,
    given: string | undefined,
    note: (text: string) => void,
  ): EncoderFolder[] {
    return encoders.map((encoder) => {
      if (kindOf(encoder) === 'static') return encoder;
      const missing = (reason: string): EncoderFolder => {
        note(`without onnxruntime-web for ${encoder.name}: ${reason}`);
        return encoder;
      };
      if (given !== undefined) {
        const onnx = join(given, encoder.name);
        const found = existsSync(join(onnx, 'onnx', 'model.onnx'));
        return found ? { ...encoder, onnx } : missing(`${onnx} has no onnx/model.onnx`);
      }
      const script = join(models, SCRIPT);
      if (!existsSync(script)) return missing(`${script} is not there, nor --onnx given`);
      const onnx = mkdtempSync(join(tmpdir(), 'nearfar-onnx-'));
      this.#made.push(onnx);
      const { status, stderr } = spawnSync(COMMAND, [script, encoder.path, onnx], {
        encoding: 'utf8',
      });
      if (status === 0) return { ...encoder, onnx };
      const reason = stderr?.trim().split('\n').at(-1) ?? 'it does not run';
      return missing(`${COMMAND} ${script}: ${reason}`);
    });
  }

  close(): void {
    for (const folder of this.#made.splice(0)) rmSync(folder, { recursive: true, force: true });
  }
}
