/**
 * Finds private words where the field has one of its own. The reader comes from PyTorch,
 * sentence-transformers and llm.c, so identifiers, comments, messages and README use their words.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A word or phrase that is not used, the word for it, and uses of it that are the field's own. */
interface Word {
  old: RegExp;
  use: string;
  except?: RegExp;
}

/**
 * Lines are matched in lower case with names split into words: `rowPlaces` is "row places". `except`
 * is taken out of the line first.
 */
const WORDS: readonly Word[] = [
  // Mathematics and training.
  { old: /\bslopes?\b/, use: 'grad', except: /slopes? of (a|the) (straight )?line/g },
  {
    old: /\bshares? of\b|\b(an?|the|this|its|which|what|each|one) shares?\b/,
    use: 'fraction, part',
  },
  {
    old: /\bplaces?\b/,
    use: 'index, position, offset',
    except: /\bin.place\b|decimal places?|(take|in (one|the same|its)) places?/g,
  },
  { old: /\brest\b/, use: 'remaining, others', except: /\.\.\.rest\b/g },
  {
    old: /\b(is|are|was|were|be|what'?s?|all) left\b(?! out| (operand|matrix|factor))/,
    use: 'remaining',
  },
  { old: /\btwins?\b/, use: 'gradient form, reference' },
  { old: /\bresidents?\b/, use: 'WasmMatrix' },
  {
    old: /\b(few|larg|small)est (size|rows|count|texts|words)\b.*=|\b(most|least) =/,
    use: 'min, max',
  },
  { old: /\bdeviation\b/, use: 'std, initStd', except: /standard deviations?/g },
  {
    old: /\brate factor|\bleast work|\bwave positions|\bloud positions|\battend nearby|\bpass on\b|\badd reader\b/,
    use: 'lrScale, minWorkNs, sinusoidalPositions, scaledPositions, initNeighborHeads, identityInit, poolingBlock',
  },
  { old: /\bsteepness\b|\bbend\b/, use: 'gradNorm, pAp' },
  { old: /\brebased\b/, use: 'the graph, its history' },
  {
    old: /\bnot asked\b|\bwhole batches\b|\bin turn\b/,
    use: 'IGNORE_INDEX, INFERENCE_BATCH, fullBatches, one after the other',
  },
  { old: /\blearnt\b/, use: 'learned, trained' },

  // Images.
  { old: /\bpictures?\b/, use: 'image', except: /pictures?\.svg/g },
  { old: /\bslant|\bturn hue\b|\bpunch|\bgrey/, use: 'shear, shiftHue, cutout, grayscale' },
  { old: /'(things|signs)'/, use: "'photo', 'glyph'" },

  // Evaluation.
  { old: /\bjudg/, use: 'evaluate, evaluation' },
  { old: /\brefusals?\b|\brefuses\(/, use: 'validation, error, throws' },
  {
    old: /\bfew labels\(|\bcontrastive health|\bshow health|\bfilled token|\bmasked score|\bcommonest|\bdraw labell?ed|\bname of\(|\brows of\(|\bnumber names/,
    use: 'fewShot, embeddingDiagnostics, formatEmbeddingDiagnostics, TokenPrediction, MaskedLmMetrics, mostFrequent, sampleLabeled, captionLabel, selectRows, indexLabels',
  },
  { old: /\b(named|names?) (\w+ )?rightly\b|\brightly\b/, use: 'accuracy, recall@1' },

  // Files, memory and threads.
  {
    old: /\blaid (out|back)\b|\b(whole|name|rate) in\(/,
    use: 'toFileLayout, fromFileLayout, readInt, readEnum, readRate',
  },
  {
    old: /\bcutting\b|\bworth it\b|\bowed\b|\bhear\b/,
    use: 'partition, shouldShare, backlog, onFailure',
  },
  { old: /\btake matrix\b|\bload matrix\b/, use: 'copyOut, copyIn' },
  { old: /\bsoon</, use: 'MaybePromise' },

  // The benchmark and the command line.
  {
    old: /\bcontestants?\b|\bstandings?\b|\brace\b|\b(measure|the) border\b|\bwish\b/,
    use: 'Candidate, Timing, interleaved run, call overhead, options',
    except: /promise\.race/g,
  },
  { old: /'chapter'|nearfar chapter|\bthe chapter/, use: "'anchor', nearfar demo, the demo" },

  // Phrases.
  {
    old: /\b(labels?|images?|texts?|samples?|rows?|\d+|count\}) a class\b|\bnats a token\b|\b(tokens|steps|images) a second\b|\bone an? (pair|row|line|file|query|text|image|class|token|step)\b/,
    use: 'per',
  },
  { old: /\bbeside\b/, use: 'versus, next to, and' },
  { old: /times as (long|fast|slow|large|many|much)\b/, use: 'N× slower, N× faster' },
  {
    old: /\bis no (?!such|longer|more|less|larger|smaller|slower|faster|worse|better|need|reason|next|loss|label|gradient)\w+/,
    use: 'is not a valid X',
  },
  {
    old: /\b(whoever|nobody|everybody|somebody|anew|fares?|likeliest|rather than)\b/,
    use: 'plain words',
  },
  {
    old: /\/\*\* (what|how|the same|of|whether|whose|which) /,
    use: 'a verb or a noun at the start of a doc comment',
  },

  // American spelling, as `normalize` has it.
  {
    old: /\b\w*(normal|initial|optim|organ|recogn|random|minim|maxim|general|util|serial|visual|token|quant|vector|memor|summar|penal|regular|standard|parallel|special|synchron)is(e[ds]?|ing|ation|ers?)\b/,
    use: '-ize',
    // A test of a misspelled kernel.
    except: /normalise rows: rows/g,
  },
  {
    old: /\b(colour|behaviour|neighbour|favour|honour)|\bcentre|\blabell(ed|ing)|\blicence|\bmodell|\bcancell(ed|ing)/,
    use: 'American spelling',
    except: /aria-labelledby/g,
  },
];

/** A line that has an old word. */
export interface Found {
  at: string;
  old: string;
  use: string;
}

const FOLDERS = ['assembly', 'src', 'bench', 'build', 'test'];
const SKIPPED = /node_modules|^src\/docs\/reference|fixtures|\.d\.ts$|^test\/vocabulary|wordlist/;

function sources(): string[] {
  const files = FOLDERS.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
  );
  return ['README.md', ...files.filter((file) => /\.(ts|mjs|py|md)$/.test(file))].filter(
    (file) => !SKIPPED.test(file),
  );
}

/** Splits names into words: `rowPlaces` and `ROW_PLACES` become "row places". */
const words = (line: string): string =>
  line
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll('_', ' ')
    .toLowerCase();

/** Lists every use of an old word. */
export function oldWords(): Found[] {
  return sources().flatMap((file) =>
    readFileSync(file, 'utf8')
      // A comment of several lines begins on its second one.
      .replace(/\/\*\*\n *\* /g, '/**\n/** ')
      .split('\n')
      .flatMap((line, i) =>
        WORDS.flatMap(({ old, use, except }) => {
          const text = words(line);
          const match = old.exec(except ? text.replace(except, '') : text);
          return match === null ? [] : [{ at: `${file}:${i + 1}`, old: match[0].trim(), use }];
        }),
      ),
  );
}
