/** Models of images: their preprocessing in files, bounds of configs, and kinds of images. */

import {
  CLIP,
  imagesFrom,
  loadClip,
  loadMae,
  loadSimClr,
  MAE,
  SimCLR,
  saveClip,
  saveMae,
  saveSimClr,
} from 'nearfar/models';
import { loadSafetensors, manualSeed, saveSafetensors, tensor, tidy } from 'nearfar/nn';
import { close, same, suite, throws } from '../harness.js';

const test = suite('image files');
const SHAPE = { height: 8, width: 8, channels: 3 };
const PIXELS = Uint8Array.from({ length: 2 * 8 * 8 * 3 }, (_, i) => (i * 37) % 256);
const PREPROCESSOR = 'preprocessor_config.json';

type Files = Map<string, Uint8Array>;

const readJson = (files: Files, file: string): Record<string, unknown> =>
  JSON.parse(new TextDecoder().decode(files.get(file)));

/** Files with some values of a JSON file changed. */
function changed(files: Files, file: string, values: object): Files {
  const text = JSON.stringify({ ...readJson(files, file), ...values });
  return new Map(files).set(file, new TextEncoder().encode(text));
}

function smallMae(): MAE {
  manualSeed(1);
  return new MAE({ ...SHAPE, patch: 4, hidden: 8, layers: 1, heads: 1, decoderLayers: 1 });
}

function smallClip(options: object = {}): CLIP {
  manualSeed(1);
  const sizes = { imageSize: 8, imageWidth: 8, textWidth: 4, projection: 4, patch: 4 };
  return new CLIP(['red', 'blue'], { ...sizes, imageHeads: 1, textHeads: 1, ...options });
}

const smallSimClr = (): SimCLR =>
  new SimCLR({ ...SHAPE, widths: [4], features: 4, hidden: 4, projection: 4 });

test('preprocessor_config.json is read, kept and written', () => {
  const [image_mean, image_std] = [
    [0.4, 0.5, 0.6],
    [0.25, 0.5, 0.2],
  ];
  const mae = smallMae();
  const own = saveMae(mae);
  same(readJson(own, PREPROCESSOR).image_mean, [0.5, 0.5, 0.5]);
  const theirs = loadMae(changed(own, PREPROCESSOR, { image_mean, image_std }));
  same([theirs.config.imageMean, theirs.config.imageStd], [image_mean, image_std]);
  const { image_mean: mean, image_std: std, size } = readJson(saveMae(theirs), PREPROCESSOR);
  same({ mean, std, size }, { mean: image_mean, std: image_std, size: { height: 8, width: 8 } });
  // Their network sees (value / 255 − mean) / std; ours sees what it is given.
  const seen = Float32Array.from({ length: PIXELS.length }, (_, i) => {
    const [plane, pixel] = [Math.floor(i / 64), i % 64];
    const [image, channel] = [Math.floor(plane / 3), plane % 3];
    const value = (PIXELS[(image * 64 + pixel) * 3 + channel] as number) / 255;
    return (value - (image_mean[channel] as number)) / (image_std[channel] as number);
  });
  const expected = mae.encode(tensor(seen, [2, 3, 8, 8])).data;
  close(theirs.encode(PIXELS).data, expected, { atol: 1e-5, what: 'MAE' });
  for (const model of [mae, theirs]) model.dispose();

  const clip = smallClip({ image: 'vit', text: 'transformer', imageLayers: 1, textLayers: 1 });
  const files = saveClip(clip);
  const config = { ...readJson(files, 'config.json') };
  delete config.nearfar;
  files.set('config.json', new TextEncoder().encode(JSON.stringify(config)));
  const loaded = loadClip(changed(files, PREPROCESSOR, { image_mean, image_std }));
  const vectors = clip.encode(tensor(seen, [2, 3, 8, 8])).data;
  close(loaded.encode(PIXELS).data, vectors, { atol: 1e-5, what: 'CLIP' });
  same(readJson(saveClip(loaded), PREPROCESSOR).image_std, image_std);
  for (const model of [clip, loaded]) model.dispose();
});

test('preprocessing that the networks do not have is refused by its key', () => {
  const mae = smallMae();
  const files = saveMae(mae);
  const cases: [object, RegExp][] = [
    [{ do_rescale: false }, /do_rescale/],
    [{ rescale_factor: 1 }, /rescale_factor/],
    [{ image_mean: [0.5, 'x', 0.5] }, /image_mean/],
    [{ image_std: [0.5, 0, 0.5] }, /image_std/],
    [{ image_mean: [0.5, 0.5] }, /image_mean/],
  ];
  for (const [values, pattern] of cases) {
    throws(() => loadMae(changed(files, PREPROCESSOR, values)), RangeError, pattern);
  }
  const plain = loadMae(changed(files, PREPROCESSOR, { do_normalize: false }));
  same([plain.config.imageMean, plain.config.imageStd], [new Array(3).fill(0), [1, 1, 1]]);
  for (const model of [mae, plain]) model.dispose();
});

test('an infinite tensor refuses a file only where it is one of the parameters', () => {
  const mae = smallMae();
  const files = saveMae(mae);
  const weights = (change: (all: ReturnType<typeof loadSafetensors>) => void): Files =>
    tidy(() => {
      const all = loadSafetensors(files.get('model.safetensors') as Uint8Array);
      change(all);
      return new Map(files).set('model.safetensors', saveSafetensors(all));
    });
  loadMae(weights((all) => all.set('decoder.extra', tensor([1])))).dispose();
  const infinite = weights((all) => all.set('decoder.extra', tensor([77])));
  const bytes = infinite.get('model.safetensors')?.slice() as Uint8Array;
  // 77 becomes Infinity in the bytes: no function of the library writes one.
  const seventySeven = new Uint8Array(Float32Array.of(77).buffer);
  const at = bytes.findIndex((_, i) => seventySeven.every((byte, j) => bytes[i + j] === byte));
  bytes.set(new Uint8Array(Float32Array.of(Infinity).buffer), at);
  loadMae(new Map(files).set('model.safetensors', bytes)).dispose();
  const name = 'decoder.mask_token';
  const asked = weights((all) => all.set(name, tensor(new Float32Array(4).fill(77), [1, 1, 4])));
  const other = asked.get('model.safetensors')?.slice() as Uint8Array;
  const from = other.findIndex((_, i) => seventySeven.every((byte, j) => other[i + j] === byte));
  other.set(new Uint8Array(Float32Array.of(Infinity).buffer), from);
  throws(() => loadMae(new Map(files).set('model.safetensors', other)), RangeError, /mask_token/);
  mae.dispose();
});

test('a number in a config is bounded by the weights before memory is taken', () => {
  const [mae, clip, simclr] = [smallMae(), smallClip(), smallSimClr()];
  const [maeFiles, clipFiles, simClrFiles] = [saveMae(mae), saveClip(clip), saveSimClr(simclr)];
  const start = performance.now();
  const huge = [2 ** 20, 2 ** 40, 1e300, -1, 0, 0.5, '8'];
  const maeKeys = ['hidden_size', 'num_hidden_layers', 'num_attention_heads', 'image_size'];
  const more = ['decoder_hidden_size', 'decoder_num_hidden_layers', 'patch_size', 'num_channels'];
  for (const value of huge) {
    for (const key of [...maeKeys, ...more]) {
      const files = changed(maeFiles, 'config.json', { [key]: value });
      throws(() => loadMae(files), RangeError, /loadMae|MAE/);
    }
    for (const key of ['features', 'hidden', 'projection', 'channels', 'height', 'widths']) {
      const files = changed(simClrFiles, 'config.json', { [key]: value });
      throws(() => loadSimClr(files), RangeError, /loadSimClr|SimCLR/);
    }
    for (const key of ['imageSize', 'channels', 'projection', 'imageWidth', 'textWidth']) {
      const nearfar = { ...(readJson(clipFiles, 'config.json').nearfar as object), [key]: value };
      const files = changed(clipFiles, 'config.json', { nearfar });
      throws(() => loadClip(files), RangeError, /loadClip|CLIP/);
    }
  }
  const widths = [2 ** 20, 2 ** 20];
  throws(() => loadSimClr(changed(simClrFiles, 'config.json', { widths })), RangeError, /shape/);
  same(performance.now() - start < 5000, true, 'none takes seconds');
  for (const model of [mae, clip, simclr]) model.dispose();
});

test('ImageData is an image, and one image is a batch of one', () => {
  const simclr = smallSimClr();
  const one = PIXELS.subarray(0, 8 * 8 * 3);
  const rgba = new Uint8ClampedArray(8 * 8 * 4).fill(255);
  for (let p = 0; p < 64; p++) rgba.set(one.subarray(3 * p, 3 * p + 3), 4 * p);
  const canvas = { data: rgba, width: 8, height: 8 };
  const expected = simclr.encode(one);
  same(expected.rows, 1);
  same(simclr.encode(canvas).data, expected.data);
  same(simclr.encode([canvas, canvas]).rows, 2);
  const planes = Float32Array.from({ length: 192 }, (_, i) => {
    return ((one[(i % 64) * 3 + Math.floor(i / 64)] as number) / 255) * 2 - 1;
  });
  close(simclr.encode(tensor(planes, [3, 8, 8])).data, expected.data, { atol: 1e-5 });
  same(
    imagesFrom({ data: new Uint8ClampedArray(16 * 16 * 4), width: 16, height: 16 }, SHAPE).count,
    1,
  );
  const clear = { data: new Uint8ClampedArray(8 * 8 * 4), width: 8, height: 8 };
  same(imagesFrom(clear, SHAPE).read([0]).pixels[0], 255, 'what is transparent is white');
  const other = { data: new Uint8ClampedArray(5), width: 8, height: 8 };
  throws(() => imagesFrom(other, SHAPE), TypeError, /bytes or ImageData/);
  simclr.dispose();
});

test('an MAE of one patch, and a CLIP with one image, are refused in words', () => {
  throws(() => new MAE({ ...SHAPE, patch: 8 }), RangeError, /one patch leaves none to predict/);
  const clip = smallClip();
  const data = { ...imagesFrom(PIXELS.subarray(0, 192), SHAPE), captions: ['red'] };
  throws(() => clip.evaluate(data), RangeError, /at least 2 images/);
  throws(() => clip.batches(data, { batchSize: 4, seed: 0 }), RangeError, /at least 2 images/);
  clip.dispose();
});
