declare namespace __AdaptedExports {
  /** Exported memory */
  export const memory: WebAssembly.Memory;
  /**
   * assembly/core/heap-base/heapBase
   * @returns `usize`
   */
  export function heapBase(): number;
  /**
   * assembly/analysis/pca/gramStride
   * @param n `i32`
   * @returns `i32`
   */
  export function gramStride(n: number): number;
  /**
   * assembly/analysis/pca/gramScratch
   * @param order `i32`
   * @returns `i32`
   */
  export function gramScratch(order: number): number;
  /**
   * assembly/analysis/pca/demote
   * @param y `usize`
   * @param x `usize`
   * @param n `i32`
   */
  export function demote(y: number, x: number, n: number): void;
  /**
   * assembly/analysis/pca/trace
   * @param g `usize`
   * @param n `i32`
   * @returns `f64`
   */
  export function trace(g: number, n: number): number;
  /**
   * assembly/analysis/pca/columnMeans
   * @param mean `usize`
   * @param x `usize`
   * @param rows `i32`
   * @param cols `i32`
   */
  export function columnMeans(mean: number, x: number, rows: number, cols: number): void;
  /**
   * assembly/analysis/pca/centredGram
   * @param g `usize`
   * @param x `usize`
   * @param mean `usize`
   * @param rows `i32`
   * @param cols `i32`
   * @param byColumns `bool`
   * @param scratch `usize`
   */
  export function centredGram(
    g: number,
    x: number,
    mean: number,
    rows: number,
    cols: number,
    byColumns: boolean,
    scratch: number,
  ): void;
  /**
   * assembly/analysis/pca/principalComponents
   * @param components `usize`
   * @param variances `usize`
   * @param ratios `usize`
   * @param values `usize`
   * @param vectors `usize`
   * @param x `usize`
   * @param mean `usize`
   * @param rows `i32`
   * @param cols `i32`
   * @param count `i32`
   * @param total `f64`
   * @param basis `usize`
   */
  export function principalComponents(
    components: number,
    variances: number,
    ratios: number,
    values: number,
    vectors: number,
    x: number,
    mean: number,
    rows: number,
    cols: number,
    count: number,
    total: number,
    basis: number,
  ): void;
  /**
   * assembly/analysis/pca/projectRows
   * @param y `usize`
   * @param x `usize`
   * @param mean `usize`
   * @param components `usize`
   * @param rows `i32`
   * @param cols `i32`
   * @param count `i32`
   */
  export function projectRows(
    y: number,
    x: number,
    mean: number,
    components: number,
    rows: number,
    cols: number,
    count: number,
  ): void;
  /**
   * assembly/analysis/eigen/symmetricEigen
   * @param values `usize`
   * @param vectors `usize`
   * @param g `usize`
   * @param n `i32`
   * @param scratch `usize`
   */
  export function symmetricEigen(
    values: number,
    vectors: number,
    g: number,
    n: number,
    scratch: number,
  ): void;
  /**
   * assembly/analysis/ranking/relevantRanks
   * @param ranks `usize`
   * @param scores `usize`
   * @param n `i32`
   * @param relevant `usize`
   * @param most `i32`
   * @param self `i32`
   * @param best `usize`
   * @param bestIndices `usize`
   * @returns `i32`
   */
  export function relevantRanks(
    ranks: number,
    scores: number,
    n: number,
    relevant: number,
    most: number,
    self: number,
    best: number,
    bestIndices: number,
  ): number;
  /**
   * assembly/analysis/ranking/hitsWithin
   * @param ranks `usize`
   * @param count `i32`
   * @param k `i32`
   * @returns `i32`
   */
  export function hitsWithin(ranks: number, count: number, k: number): number;
  /**
   * assembly/analysis/ranking/precisionSum
   * @param ranks `usize`
   * @param hits `i32`
   * @returns `f64`
   */
  export function precisionSum(ranks: number, hits: number): number;
  /**
   * assembly/analysis/ranking/rankGain
   * @param ranks `usize`
   * @param hits `i32`
   * @returns `f64`
   */
  export function rankGain(ranks: number, hits: number): number;
  /**
   * assembly/analysis/ranking/idealGain
   * @param hits `i32`
   * @returns `f64`
   */
  export function idealGain(hits: number): number;
  /**
   * assembly/analysis/ranking/voteRows
   * @param y `usize`
   * @param scores `usize`
   * @param indices `usize`
   * @param labels `usize`
   * @param rows `i32`
   * @param k `i32`
   * @param classes `i32`
   * @param scale `f64`
   * @param votes `usize`
   */
  export function voteRows(
    y: number,
    scores: number,
    indices: number,
    labels: number,
    rows: number,
    k: number,
    classes: number,
    scale: number,
    votes: number,
  ): void;
  /**
   * assembly/analysis/embedding-space/alignmentRows
   * @param a `usize`
   * @param b `usize`
   * @param rows `i32`
   * @param cols `i32`
   * @param alpha `f64`
   * @returns `f64`
   */
  export function alignmentRows(
    a: number,
    b: number,
    rows: number,
    cols: number,
    alpha: number,
  ): number;
  /**
   * assembly/analysis/embedding-space/uniformityOfSums
   * @param sums `usize`
   * @param shifts `usize`
   * @param norms `usize`
   * @param rows `i32`
   * @param scale `f64`
   * @returns `f64`
   */
  export function uniformityOfSums(
    sums: number,
    shifts: number,
    norms: number,
    rows: number,
    scale: number,
  ): number;
  /**
   * assembly/analysis/embedding-space/rankOfEigenvalues
   * @param values `usize`
   * @param n `i32`
   * @returns `f64`
   */
  export function rankOfEigenvalues(values: number, n: number): number;
  /**
   * assembly/analysis/logistic/designRows
   * @param y `usize`
   * @param x `usize`
   * @param mean `usize`
   * @param rows `i32`
   * @param cols `i32`
   */
  export function designRows(y: number, x: number, mean: number, rows: number, cols: number): void;
  /**
   * assembly/analysis/logistic/curvatureBound
   * @param y `usize`
   * @param x `usize`
   * @param labels `usize`
   * @param weights `usize`
   * @param rows `i32`
   * @param cols `i32`
   */
  export function curvatureBound(
    y: number,
    x: number,
    labels: number,
    weights: number,
    rows: number,
    cols: number,
  ): void;
  /**
   * assembly/analysis/logistic/logisticRows
   * @param p `usize`
   * @param residual `usize`
   * @param labels `usize`
   * @param weights `usize`
   * @param rows `i32`
   * @param classes `i32`
   * @returns `f64`
   */
  export function logisticRows(
    p: number,
    residual: number,
    labels: number,
    weights: number,
    rows: number,
    classes: number,
  ): number;
  /**
   * assembly/analysis/logistic/logisticCurvature
   * @param u `usize`
   * @param p `usize`
   * @param labels `usize`
   * @param weights `usize`
   * @param rows `i32`
   * @param classes `i32`
   */
  export function logisticCurvature(
    u: number,
    p: number,
    labels: number,
    weights: number,
    rows: number,
    classes: number,
  ): void;
  /**
   * assembly/analysis/logistic/centreColumns
   * @param y `usize`
   * @param rows `i32`
   * @param cols `i32`
   */
  export function centreColumns(y: number, rows: number, cols: number): void;
  /**
   * assembly/analysis/logistic/divideByRow
   * @param y `usize`
   * @param x `usize`
   * @param row `usize`
   * @param rows `i32`
   * @param cols `i32`
   */
  export function divideByRow(y: number, x: number, row: number, rows: number, cols: number): void;
  /**
   * assembly/analysis/logistic/addTimes
   * @param y `usize`
   * @param x `usize`
   * @param n `i32`
   * @param factor `f64`
   */
  export function addTimes(y: number, x: number, n: number, factor: number): void;
  /**
   * assembly/analysis/logistic/fillRows
   * @param y `usize`
   * @param row `usize`
   * @param rows `i32`
   * @param cols `i32`
   */
  export function fillRows(y: number, row: number, rows: number, cols: number): void;
  /**
   * assembly/analysis/logistic/argmaxRows
   * @param y `usize`
   * @param x `usize`
   * @param rows `i32`
   * @param cols `i32`
   */
  export function argmaxRows(y: number, x: number, rows: number, cols: number): void;
}
/** Instantiates the compiled WebAssembly module with the given imports. */
export declare function instantiate(
  module: WebAssembly.Module,
  imports: {},
): Promise<typeof __AdaptedExports>;
