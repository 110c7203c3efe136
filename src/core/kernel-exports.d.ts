declare namespace __AdaptedExports {
  /** Exported memory */
  export const memory: WebAssembly.Memory;
  /**
   * assembly/core/heap-base/heapBase
   * @returns `usize`
   */
  export function heapBase(): number;
  /**
   * assembly/core/math/expArray
   * @param y `usize`
   * @param x `usize`
   * @param n `i32`
   */
  export function expArray(y: number, x: number, n: number): void;
  /**
   * assembly/core/math/logArray
   * @param y `usize`
   * @param x `usize`
   * @param n `i32`
   */
  export function logArray(y: number, x: number, n: number): void;
  /**
   * assembly/core/math/tanhArray
   * @param y `usize`
   * @param x `usize`
   * @param n `i32`
   */
  export function tanhArray(y: number, x: number, n: number): void;
  /**
   * assembly/core/rows/firstNonFinite
   * @param x `usize`
   * @param n `i32`
   * @returns `i32`
   */
  export function firstNonFinite(x: number, n: number): number;
  /**
   * assembly/core/rows/largestMagnitude
   * @param x `usize`
   * @param n `i32`
   * @returns `f32`
   */
  export function largestMagnitude(x: number, n: number): number;
  /**
   * assembly/core/rows/scaleArray
   * @param x `usize`
   * @param n `i32`
   * @param factor `f32`
   */
  export function scaleArray(x: number, n: number, factor: number): void;
  /**
   * assembly/core/rows/normalizeRows
   * @param y `usize`
   * @param norms `usize`
   * @param x `usize`
   * @param rows `i32`
   * @param cols `i32`
   */
  export function normalizeRows(
    y: number,
    norms: number,
    x: number,
    rows: number,
    cols: number,
  ): void;
  /**
   * assembly/core/rows/normalizeRowsBackward
   * @param dx `usize`
   * @param dy `usize`
   * @param y `usize`
   * @param norms `usize`
   * @param rows `i32`
   * @param cols `i32`
   * @param ldy `i32`
   * @returns `f64`
   */
  export function normalizeRowsBackward(
    dx: number,
    dy: number,
    y: number,
    norms: number,
    rows: number,
    cols: number,
    ldy: number,
  ): number;
  /**
   * assembly/core/rows/dotRow
   * @param x `usize`
   * @param y `usize`
   * @param n `i32`
   * @returns `f64`
   */
  export function dotRow(x: number, y: number, n: number): number;
  /**
   * assembly/core/rows/rowDots
   * @param y `usize`
   * @param a `usize`
   * @param b `usize`
   * @param rows `i32`
   * @param cols `i32`
   */
  export function rowDots(y: number, a: number, b: number, rows: number, cols: number): void;
  /**
   * assembly/core/rows/addScaledRows
   * @param y `usize`
   * @param x `usize`
   * @param weights `usize`
   * @param rows `i32`
   * @param cols `i32`
   * @param ldy `i32`
   */
  export function addScaledRows(
    y: number,
    x: number,
    weights: number,
    rows: number,
    cols: number,
    ldy: number,
  ): void;
  /**
   * assembly/core/rows/cosine
   * @param a `usize`
   * @param b `usize`
   * @param cols `i32`
   * @returns `f64`
   */
  export function cosine(a: number, b: number, cols: number): number;
  /**
   * assembly/core/rows/sumDoubles
   * @param x `usize`
   * @param n `i32`
   * @returns `f64`
   */
  export function sumDoubles(x: number, n: number): number;
  /** assembly/core/pack/KC */
  export const KC: {
    /** @type `i32` */
    get value(): number;
  };
  /**
   * assembly/core/pack/packedLength
   * @param rows `i32`
   * @param depth `i32`
   * @param width `i32`
   * @returns `i32`
   */
  export function packedLength(rows: number, depth: number, width: number): number;
  /**
   * assembly/core/pack/pack
   * @param y `usize`
   * @param x `usize`
   * @param rows `i32`
   * @param depth `i32`
   * @param rowStride `i32`
   * @param depthStride `i32`
   * @param width `i32`
   */
  export function pack(
    y: number,
    x: number,
    rows: number,
    depth: number,
    rowStride: number,
    depthStride: number,
    width: number,
  ): void;
  /**
   * assembly/core/pack/packBlocks
   * @param y `usize`
   * @param x `usize`
   * @param rows `i32`
   * @param depth `i32`
   * @param rowStride `i32`
   * @param depthStride `i32`
   * @param width `i32`
   * @param first `i32`
   * @param count `i32`
   */
  export function packBlocks(
    y: number,
    x: number,
    rows: number,
    depth: number,
    rowStride: number,
    depthStride: number,
    width: number,
    first: number,
    count: number,
  ): void;
  /** assembly/core/gemm/MR */
  export const MR: {
    /** @type `i32` */
    get value(): number;
  };
  /** assembly/core/gemm/NR */
  export const NR: {
    /** @type `i32` */
    get value(): number;
  };
  /**
   * assembly/core/gemm/gemmScratch
   * @returns `i32`
   */
  export function gemmScratch(): number;
  /**
   * assembly/core/gemm/gemmRows
   * @param c `usize`
   * @param a `usize`
   * @param right `usize`
   * @param m `i32`
   * @param n `i32`
   * @param k `i32`
   * @param aRow `i32`
   * @param aDepth `i32`
   * @param accumulate `bool`
   * @param scratch `usize`
   * @param first `i32`
   * @param count `i32`
   */
  export function gemmRows(
    c: number,
    a: number,
    right: number,
    m: number,
    n: number,
    k: number,
    aRow: number,
    aDepth: number,
    accumulate: boolean,
    scratch: number,
    first: number,
    count: number,
  ): void;
  /**
   * assembly/search/similarity/scoreRows
   * @param y `usize`
   * @param left `usize`
   * @param right `usize`
   * @param i0 `i32`
   * @param i1 `i32`
   * @param j0 `i32`
   * @param j1 `i32`
   * @param leftRows `i32`
   * @param rightRows `i32`
   * @param depth `i32`
   * @param ldy `i32`
   * @param metric `i32`
   * @param distanceFactor `f32`
   * @param edge `usize`
   */
  export function scoreRows(
    y: number,
    left: number,
    right: number,
    i0: number,
    i1: number,
    j0: number,
    j1: number,
    leftRows: number,
    rightRows: number,
    depth: number,
    ldy: number,
    metric: number,
    distanceFactor: number,
    edge: number,
  ): void;
  /**
   * assembly/search/top-k/topKScratch
   * @returns `i32`
   */
  export function topKScratch(): number;
  /**
   * assembly/search/top-k/topKStart
   * @param scores `usize`
   * @param indices `usize`
   * @param n `i32`
   */
  export function topKStart(scores: number, indices: number, n: number): void;
  /**
   * assembly/search/top-k/topKUpdate
   * @param scores `usize`
   * @param indices `usize`
   * @param queries `usize`
   * @param corpus `usize`
   * @param q0 `i32`
   * @param q1 `i32`
   * @param queryRows `i32`
   * @param corpusRows `i32`
   * @param depth `i32`
   * @param k `i32`
   * @param firstIndex `i32`
   * @param metric `i32`
   * @param distanceFactor `f32`
   * @param scratch `usize`
   */
  export function topKUpdate(
    scores: number,
    indices: number,
    queries: number,
    corpus: number,
    q0: number,
    q1: number,
    queryRows: number,
    corpusRows: number,
    depth: number,
    k: number,
    firstIndex: number,
    metric: number,
    distanceFactor: number,
    scratch: number,
  ): void;
  /**
   * assembly/search/top-k/topKFinish
   * @param scores `usize`
   * @param indices `usize`
   * @param rows `i32`
   * @param k `i32`
   */
  export function topKFinish(scores: number, indices: number, rows: number, k: number): void;
  /**
   * assembly/losses/softmax/logSumExpRows
   * @param y `usize`
   * @param x `usize`
   * @param rows `i32`
   * @param cols `i32`
   */
  export function logSumExpRows(y: number, x: number, rows: number, cols: number): void;
  /**
   * assembly/losses/softmax/logSumExpRowsBackward
   * @param dx `usize`
   * @param dy `usize`
   * @param y `usize`
   * @param x `usize`
   * @param rows `i32`
   * @param cols `i32`
   */
  export function logSumExpRowsBackward(
    dx: number,
    dy: number,
    y: number,
    x: number,
    rows: number,
    cols: number,
  ): void;
  /**
   * assembly/losses/softmax/softmaxRows
   * @param y `usize`
   * @param x `usize`
   * @param rows `i32`
   * @param cols `i32`
   */
  export function softmaxRows(y: number, x: number, rows: number, cols: number): void;
  /**
   * assembly/losses/softmax/softmaxRowsBackward
   * @param dx `usize`
   * @param dy `usize`
   * @param y `usize`
   * @param rows `i32`
   * @param cols `i32`
   */
  export function softmaxRowsBackward(
    dx: number,
    dy: number,
    y: number,
    rows: number,
    cols: number,
  ): void;
  /**
   * assembly/losses/softmax/crossEntropyRows
   * @param losses `usize`
   * @param x `usize`
   * @param targets `usize`
   * @param rows `i32`
   * @param cols `i32`
   * @param ignored `i32`
   * @param kept `i32`
   * @param smoothing `f64`
   * @param backward `bool`
   */
  export function crossEntropyRows(
    losses: number,
    x: number,
    targets: number,
    rows: number,
    cols: number,
    ignored: number,
    kept: number,
    smoothing: number,
    backward: boolean,
  ): void;
  /**
   * assembly/losses/divergence/klDivergenceRows
   * @param p `usize`
   * @param q `usize`
   * @param rows `i32`
   * @param cols `i32`
   * @param backward `bool`
   * @returns `f64`
   */
  export function klDivergenceRows(
    p: number,
    q: number,
    rows: number,
    cols: number,
    backward: boolean,
  ): number;
  /**
   * assembly/losses/divergence/firstImproper
   * @param p `usize`
   * @param rows `i32`
   * @param cols `i32`
   * @param tolerance `f64`
   * @returns `i32`
   */
  export function firstImproper(p: number, rows: number, cols: number, tolerance: number): number;
  /**
   * assembly/losses/divergence/firstUncovered
   * @param p `usize`
   * @param q `usize`
   * @param n `i32`
   * @returns `i32`
   */
  export function firstUncovered(p: number, q: number, n: number): number;
  /** assembly/losses/contrastive/TILE */
  export const TILE: {
    /** @type `i32` */
    get value(): number;
  };
  /**
   * assembly/losses/contrastive/contrastiveScratch
   * @returns `i32`
   */
  export function contrastiveScratch(): number;
  /**
   * assembly/losses/contrastive/contrastiveStart
   * @param rowSums `usize`
   * @param rowShifts `usize`
   * @param columnSums `usize`
   * @param columnShifts `usize`
   * @param rows `i32`
   * @param columns `i32`
   * @param scale `f32`
   * @param self `bool`
   * @param wantColumns `bool`
   */
  export function contrastiveStart(
    rowSums: number,
    rowShifts: number,
    columnSums: number,
    columnShifts: number,
    rows: number,
    columns: number,
    scale: number,
    self: boolean,
    wantColumns: boolean,
  ): void;
  /**
   * assembly/losses/contrastive/contrastiveSums
   * @param rowSums `usize`
   * @param rowShifts `usize`
   * @param columnSums `usize`
   * @param columnShifts `usize`
   * @param wantColumns `bool`
   * @param left `usize`
   * @param right `usize`
   * @param rows `i32`
   * @param columns `i32`
   * @param depth `i32`
   * @param scale `f32`
   * @param pairOffset `i32`
   * @param ids `usize`
   * @param idColumns `i32`
   * @param self `bool`
   * @param kept `usize`
   * @param keptTiles `i32`
   * @param scratch `usize`
   * @param iFirst `i32`
   * @param iEnd `i32`
   * @param jFirst `i32`
   * @param jEnd `i32`
   */
  export function contrastiveSums(
    rowSums: number,
    rowShifts: number,
    columnSums: number,
    columnShifts: number,
    wantColumns: boolean,
    left: number,
    right: number,
    rows: number,
    columns: number,
    depth: number,
    scale: number,
    pairOffset: number,
    ids: number,
    idColumns: number,
    self: boolean,
    kept: number,
    keptTiles: number,
    scratch: number,
    iFirst: number,
    iEnd: number,
    jFirst: number,
    jEnd: number,
  ): void;
  /**
   * assembly/losses/contrastive-gradients/contrastiveGradients
   * @param dLeft `usize`
   * @param dRight `usize`
   * @param leftFactor `usize`
   * @param rightFactor `usize`
   * @param rowCoefficients `usize`
   * @param rowShifts `usize`
   * @param columnCoefficients `usize`
   * @param columnShifts `usize`
   * @param left `usize`
   * @param right `usize`
   * @param rows `i32`
   * @param columns `i32`
   * @param depth `i32`
   * @param scale `f32`
   * @param pairOffset `i32`
   * @param ids `usize`
   * @param idColumns `i32`
   * @param self `bool`
   * @param kept `usize`
   * @param keptTiles `i32`
   * @param scratch `usize`
   * @param iFirst `i32`
   * @param iEnd `i32`
   * @param jFirst `i32`
   * @param jEnd `i32`
   */
  export function contrastiveGradients(
    dLeft: number,
    dRight: number,
    leftFactor: number,
    rightFactor: number,
    rowCoefficients: number,
    rowShifts: number,
    columnCoefficients: number,
    columnShifts: number,
    left: number,
    right: number,
    rows: number,
    columns: number,
    depth: number,
    scale: number,
    pairOffset: number,
    ids: number,
    idColumns: number,
    self: boolean,
    kept: number,
    keptTiles: number,
    scratch: number,
    iFirst: number,
    iEnd: number,
    jFirst: number,
    jEnd: number,
  ): void;
  /**
   * assembly/losses/contrastive-epilogues/contrastRows
   * @param coefficients `usize`
   * @param positiveCoefficients `usize`
   * @param sums `usize`
   * @param shifts `usize`
   * @param positives `usize`
   * @param rows `i32`
   * @param weight `f64`
   * @param scale `f64`
   * @returns `f64`
   */
  export function contrastRows(
    coefficients: number,
    positiveCoefficients: number,
    sums: number,
    shifts: number,
    positives: number,
    rows: number,
    weight: number,
    scale: number,
  ): number;
  /**
   * assembly/losses/contrastive-epilogues/sumByLabel
   * @param sums `usize`
   * @param counts `usize`
   * @param x `usize`
   * @param labels `usize`
   * @param rows `i32`
   * @param cols `i32`
   * @param count `i32`
   */
  export function sumByLabel(
    sums: number,
    counts: number,
    x: number,
    labels: number,
    rows: number,
    cols: number,
    count: number,
  ): void;
  /**
   * assembly/losses/contrastive-epilogues/supConRows
   * @param coefficients `usize`
   * @param dx `usize`
   * @param sums `usize`
   * @param shifts `usize`
   * @param x `usize`
   * @param labels `usize`
   * @param labelSums `usize`
   * @param labelCounts `usize`
   * @param rows `i32`
   * @param cols `i32`
   * @param ldx `i32`
   * @param scale `f64`
   * @returns `f64`
   */
  export function supConRows(
    coefficients: number,
    dx: number,
    sums: number,
    shifts: number,
    x: number,
    labels: number,
    labelSums: number,
    labelCounts: number,
    rows: number,
    cols: number,
    ldx: number,
    scale: number,
  ): number;
  /**
   * assembly/losses/siglip/sigLipRows
   * @param losses `usize`
   * @param slopes `usize`
   * @param x `usize`
   * @param rows `i32`
   * @param cols `i32`
   * @param first `i32`
   * @param ids `usize`
   * @param scale `f32`
   * @param bias `f32`
   * @param weight `f32`
   */
  export function sigLipRows(
    losses: number,
    slopes: number,
    x: number,
    rows: number,
    cols: number,
    first: number,
    ids: number,
    scale: number,
    bias: number,
    weight: number,
  ): void;
  /**
   * assembly/losses/triplet/tripletRows
   * @param anchors `usize`
   * @param positives `usize`
   * @param negatives `usize`
   * @param rows `i32`
   * @param cols `i32`
   * @param margin `f64`
   * @param metric `i32`
   * @param backward `bool`
   * @returns `f64`
   */
  export function tripletRows(
    anchors: number,
    positives: number,
    negatives: number,
    rows: number,
    cols: number,
    margin: number,
    metric: number,
    backward: boolean,
  ): number;
  /**
   * assembly/losses/triplet/tripletUpdateRows
   * @param losses `usize`
   * @param x `usize`
   * @param triplets `usize`
   * @param count `i32`
   * @param cols `i32`
   * @param rate `f64`
   * @param margin `f64`
   * @param allRows `bool`
   */
  export function tripletUpdateRows(
    losses: number,
    x: number,
    triplets: number,
    count: number,
    cols: number,
    rate: number,
    margin: number,
    allRows: boolean,
  ): void;
}
/** Instantiates the compiled WebAssembly module with the given imports. */
export declare function instantiate(
  module: WebAssembly.Module,
  imports: {},
): Promise<typeof __AdaptedExports>;
