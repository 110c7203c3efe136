/** The weights of a sentence encoder as the state of a run: its own, or those of a LoRA adapter. */

import {
  type Files,
  loadSentenceEncoder,
  type SentenceEncoder,
  saveSentenceEncoder,
  type TrainDefaults,
} from '../../models/index.js';
import { loadSafetensors, Module, saveSafetensors, type Tensor } from '../../nn/index.js';

/** Factor of LoRA's product, times its rank. */
export const LORA_ALPHA = 16;

/** Weights of one file in a state. */
function partOf(state: ReadonlyMap<string, Tensor>, path: string): Uint8Array {
  const own = [...state].flatMap(([name, tensor]): [string, Tensor][] =>
    name.startsWith(`${path}:`) ? [[name.slice(path.length + 1), tensor]] : [],
  );
  return saveSafetensors(new Map(own));
}

/** Weights of an encoder as the state of a run; a state is loaded into an encoder of its own. */
export class EncoderState extends Module {
  encoder: SentenceEncoder;
  /** Files that an adapter is added to. */
  readonly #base: Files | undefined;

  readonly #rank: number | undefined;

  /** @param rank of the adapter, where only that is trained and is the state */
  constructor(
    encoder: SentenceEncoder,
    readonly defaults: TrainDefaults,
    rank: number | undefined,
  ) {
    super();
    this.encoder = encoder;
    this.#rank = rank;
    this.#base =
      rank !== undefined ? saveSentenceEncoder(encoder, { dtype: 'float32' }) : undefined;
  }

  override stateDict(): Map<string, Tensor> {
    const state = new Map<string, Tensor>();
    const files =
      this.#base === undefined
        ? saveSentenceEncoder(this.encoder, { dtype: 'float32' })
        : saveSentenceEncoder(this.encoder, { adapter: true });
    for (const [path, bytes] of files) {
      if (!path.endsWith('.safetensors')) continue;
      for (const [name, tensor] of loadSafetensors(bytes)) state.set(`${path}:${name}`, tensor);
    }
    return state;
  }

  override loadStateDict(state: ReadonlyMap<string, Tensor>): void {
    if (this.#base !== undefined) {
      const config = { r: this.#rank, lora_alpha: LORA_ALPHA, peft_type: 'LORA' };
      const adapter: Files = new Map([
        ['adapter_config.json', new TextEncoder().encode(JSON.stringify(config))],
        ['adapter_model.safetensors', partOf(state, 'adapter_model.safetensors')],
      ]);
      this.encoder.dispose();
      this.encoder = loadSentenceEncoder(this.#base, { adapter });
      return;
    }
    const files = saveSentenceEncoder(this.encoder, { dtype: 'float32' });
    for (const path of files.keys()) {
      if (path.endsWith('.safetensors')) files.set(path, partOf(state, path));
    }
    this.encoder.dispose();
    this.encoder = loadSentenceEncoder(files);
  }

  // The loop is the encoder's own.
  batches(): never {
    throw new Error('the encoder trains itself');
  }

  loss(): never {
    throw new Error('the encoder trains itself');
  }
}
