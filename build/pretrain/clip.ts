/**
 * CLIP on the emoji of three vendors. All drawings are rendered from the packages that they come in;
 * the package of nearfar has those of the fourth vendor, which is held out.
 */

import { CLIP, clipRetrieval, type ImageDataset, loadClip, saveClip } from 'nearfar/models';
import { manualSeed } from 'nearfar/nn';
import { HELD_OUT_VENDOR, renderEmoji } from '../samples/emoji.js';
import { emojiImages } from '../samples/emoji-images.js';
import type { Recipe } from './recipe.js';

const TRAINING = { steps: 2000, batchSize: 256, learningRate: 2e-3 };

export const clip: Recipe<ImageDataset> = {
  name: 'clip',
  training: TRAINING,
  async prepare(seed) {
    const emoji = await renderEmoji();
    const others = emoji.vendors.filter((vendor) => vendor !== HELD_OUT_VENDOR);
    const training = emojiImages(emoji, others);
    const heldOut = emojiImages(emoji, [HELD_OUT_VENDOR]);
    manualSeed(seed);
    const model = new CLIP(training.captions as readonly string[]);
    return {
      model,
      data: training,
      description:
        `${emoji.captions.length} emoji as drawn by ${others.join(', ')}, with their names and ` +
        `keywords; the drawings of ${HELD_OUT_VENDOR} are held out`,
      metric: 'recallAt1',
      unit: { name: 'images', perStep: TRAINING.batchSize },
      validate: () => clipRetrieval(model, heldOut).imageToText[1] as number,
      files: () => saveClip(model),
      measure(files) {
        const stored = loadClip(files);
        const { imageToText, textToImage } = clipRetrieval(stored, heldOut);
        stored.dispose();
        return {
          recallAt1: imageToText[1] as number,
          recallAt5: imageToText[5] as number,
          recallAt10: imageToText[10] as number,
          textRecallAt1: textToImage[1] as number,
          textRecallAt5: textToImage[5] as number,
          textRecallAt10: textToImage[10] as number,
        };
      },
    };
  },
};
