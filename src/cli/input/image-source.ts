/** An opened set of images, whatever files they are stored in. */

import type { ImageDataset } from '../../data/images/dataset.js';
import type { OnSkip } from './folder.js';

/** Options of opening images. */
export interface ImageOptions {
  /** Height and width in pixels to resize to; by default IDX files keep theirs, folders use 32. */
  side?: number | undefined;
  /** Channels, 1 gray or 3 RGB; by default 1 if all images are gray. */
  channels?: number | undefined;
  /** Leave images without a caption out. */
  needsCaption?: boolean;
  /** Called once for each image that cannot be read. */
  onSkip: OnSkip;
}

/** Label of an image without one, in a set where others have one. */
export const NO_LABEL = -1;

/** An image dataset that reads its pixels from files. */
export interface OpenedImages extends ImageDataset {
  /** Returns the file that an image is stored in. */
  name(row: number): string;
  /** Hash of the files' bytes, names and labels. */
  hash: string;
  /** Rows that the dataset itself sets aside for validation. */
  ownValidation: readonly number[] | undefined;
}
