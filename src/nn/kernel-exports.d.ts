declare namespace __AdaptedExports {
  /** Exported memory */
  export const memory: WebAssembly.Memory;
  /**
   * assembly/nn/elementwise/addArray
   * @param y `usize`
   * @param a `usize`
   * @param b `usize`
   * @param n `i32`
   */
  export function addArray(y: number, a: number, b: number, n: number): void;
  /**
   * assembly/nn/elementwise/subArray
   * @param y `usize`
   * @param a `usize`
   * @param b `usize`
   * @param n `i32`
   */
  export function subArray(y: number, a: number, b: number, n: number): void;
  /**
   * assembly/nn/elementwise/mulArray
   * @param y `usize`
   * @param a `usize`
   * @param b `usize`
   * @param n `i32`
   */
  export function mulArray(y: number, a: number, b: number, n: number): void;
  /**
   * assembly/nn/elementwise/divArray
   * @param y `usize`
   * @param a `usize`
   * @param b `usize`
   * @param n `i32`
   */
  export function divArray(y: number, a: number, b: number, n: number): void;
  /**
   * assembly/nn/elementwise/divArrayBackward
   * @param da `usize`
   * @param db `usize`
   * @param dy `usize`
   * @param a `usize`
   * @param b `usize`
   * @param n `i32`
   */
  export function divArrayBackward(
    da: number,
    db: number,
    dy: number,
    a: number,
    b: number,
    n: number,
  ): void;
  /**
   * assembly/nn/elementwise/maximumArray
   * @param y `usize`
   * @param a `usize`
   * @param b `usize`
   * @param n `i32`
   */
  export function maximumArray(y: number, a: number, b: number, n: number): void;
  /**
   * assembly/nn/elementwise/maximumArrayBackward
   * @param da `usize`
   * @param db `usize`
   * @param dy `usize`
   * @param a `usize`
   * @param b `usize`
   * @param n `i32`
   */
  export function maximumArrayBackward(
    da: number,
    db: number,
    dy: number,
    a: number,
    b: number,
    n: number,
  ): void;
  /**
   * assembly/nn/elementwise/whereArray
   * @param y `usize`
   * @param c `usize`
   * @param a `usize`
   * @param b `usize`
   * @param n `i32`
   */
  export function whereArray(y: number, c: number, a: number, b: number, n: number): void;
  /**
   * assembly/nn/elementwise/selectArray
   * @param y `usize`
   * @param c `usize`
   * @param x `usize`
   * @param n `i32`
   * @param negate `bool`
   */
  export function selectArray(y: number, c: number, x: number, n: number, negate: boolean): void;
  /**
   * assembly/nn/elementwise/accumulate
   * @param y `usize`
   * @param x `usize`
   * @param n `i32`
   */
  export function accumulate(y: number, x: number, n: number): void;
  /**
   * assembly/nn/elementwise/scaleTo
   * @param y `usize`
   * @param x `usize`
   * @param n `i32`
   * @param factor `f32`
   */
  export function scaleTo(y: number, x: number, n: number, factor: number): void;
  /**
   * assembly/nn/elementwise/addScaled
   * @param y `usize`
   * @param x `usize`
   * @param n `i32`
   * @param factor `f32`
   */
  export function addScaled(y: number, x: number, n: number, factor: number): void;
  /**
   * assembly/nn/elementwise/fillArray
   * @param y `usize`
   * @param n `i32`
   * @param value `f32`
   */
  export function fillArray(y: number, n: number, value: number): void;
  /**
   * assembly/nn/elementwise/addRows
   * @param y `usize`
   * @param x `usize`
   * @param b `usize`
   * @param rows `i32`
   * @param cols `i32`
   */
  export function addRows(y: number, x: number, b: number, rows: number, cols: number): void;
  /**
   * assembly/nn/elementwise/expArrayBackward
   * @param dx `usize`
   * @param dy `usize`
   * @param y `usize`
   * @param n `i32`
   */
  export function expArrayBackward(dx: number, dy: number, y: number, n: number): void;
  /**
   * assembly/nn/elementwise/logArrayBackward
   * @param dx `usize`
   * @param dy `usize`
   * @param x `usize`
   * @param n `i32`
   */
  export function logArrayBackward(dx: number, dy: number, x: number, n: number): void;
  /**
   * assembly/nn/elementwise/sqrtArray
   * @param y `usize`
   * @param x `usize`
   * @param n `i32`
   */
  export function sqrtArray(y: number, x: number, n: number): void;
  /**
   * assembly/nn/elementwise/sqrtArrayBackward
   * @param dx `usize`
   * @param dy `usize`
   * @param y `usize`
   * @param n `i32`
   */
  export function sqrtArrayBackward(dx: number, dy: number, y: number, n: number): void;
  /**
   * assembly/nn/elementwise/tanhArrayBackward
   * @param dx `usize`
   * @param dy `usize`
   * @param y `usize`
   * @param n `i32`
   */
  export function tanhArrayBackward(dx: number, dy: number, y: number, n: number): void;
  /**
   * assembly/nn/elementwise/reluArray
   * @param y `usize`
   * @param x `usize`
   * @param n `i32`
   */
  export function reluArray(y: number, x: number, n: number): void;
  /**
   * assembly/nn/elementwise/reluArrayBackward
   * @param dx `usize`
   * @param dy `usize`
   * @param x `usize`
   * @param n `i32`
   */
  export function reluArrayBackward(dx: number, dy: number, x: number, n: number): void;
  /**
   * assembly/nn/strided/gatherStrided
   * @param y `usize`
   * @param x `usize`
   * @param dims `usize`
   * @param strides `usize`
   * @param rank `i32`
   */
  export function gatherStrided(
    y: number,
    x: number,
    dims: number,
    strides: number,
    rank: number,
  ): void;
  /**
   * assembly/nn/strided/scatterStrided
   * @param x `usize`
   * @param y `usize`
   * @param dims `usize`
   * @param strides `usize`
   * @param rank `i32`
   */
  export function scatterStrided(
    x: number,
    y: number,
    dims: number,
    strides: number,
    rank: number,
  ): void;
  /**
   * assembly/nn/strided/scatterAddStrided
   * @param x `usize`
   * @param y `usize`
   * @param dims `usize`
   * @param strides `usize`
   * @param rank `i32`
   */
  export function scatterAddStrided(
    x: number,
    y: number,
    dims: number,
    strides: number,
    rank: number,
  ): void;
  /**
   * assembly/core/reduce/sumArray
   * @param x `usize`
   * @param n `i32`
   * @returns `f64`
   */
  export function sumArray(x: number, n: number): number;
  /**
   * assembly/core/reduce/sumOfSquares
   * @param x `usize`
   * @param n `i32`
   * @returns `f64`
   */
  export function sumOfSquares(x: number, n: number): number;
  /**
   * assembly/core/reduce/meanSquaredError
   * @param x `usize`
   * @param y `usize`
   * @param n `i32`
   * @returns `f64`
   */
  export function meanSquaredError(x: number, y: number, n: number): number;
  /**
   * assembly/core/reduce/sumAxis
   * @param y `usize`
   * @param x `usize`
   * @param outer `i32`
   * @param n `i32`
   * @param inner `i32`
   */
  export function sumAxis(y: number, x: number, outer: number, n: number, inner: number): void;
  /**
   * assembly/core/reduce/columnSums
   * @param y `usize`
   * @param x `usize`
   * @param rows `i32`
   * @param cols `i32`
   * @param ldx `i32`
   * @param accumulate `bool`
   */
  export function columnSums(
    y: number,
    x: number,
    rows: number,
    cols: number,
    ldx: number,
    accumulate: boolean,
  ): void;
  /**
   * assembly/nn/layernorm/layerNormRows
   * @param y `usize`
   * @param mean `usize`
   * @param rstd `usize`
   * @param x `usize`
   * @param gain `usize`
   * @param bias `usize`
   * @param rows `i32`
   * @param cols `i32`
   * @param eps `f64`
   */
  export function layerNormRows(
    y: number,
    mean: number,
    rstd: number,
    x: number,
    gain: number,
    bias: number,
    rows: number,
    cols: number,
    eps: number,
  ): void;
  /**
   * assembly/nn/layernorm/layerNormRowsBackward
   * @param dx `usize`
   * @param dy `usize`
   * @param x `usize`
   * @param mean `usize`
   * @param rstd `usize`
   * @param gain `usize`
   * @param rows `i32`
   * @param cols `i32`
   */
  export function layerNormRowsBackward(
    dx: number,
    dy: number,
    x: number,
    mean: number,
    rstd: number,
    gain: number,
    rows: number,
    cols: number,
  ): void;
  /**
   * assembly/nn/layernorm/layerNormColumnsBackward
   * @param dGain `usize`
   * @param dBias `usize`
   * @param dy `usize`
   * @param x `usize`
   * @param mean `usize`
   * @param rstd `usize`
   * @param rows `i32`
   * @param cols `i32`
   * @param ld `i32`
   */
  export function layerNormColumnsBackward(
    dGain: number,
    dBias: number,
    dy: number,
    x: number,
    mean: number,
    rstd: number,
    rows: number,
    cols: number,
    ld: number,
  ): void;
  /**
   * assembly/nn/gelu/geluArray
   * @param y `usize`
   * @param x `usize`
   * @param n `i32`
   * @param tanhForm `bool`
   */
  export function geluArray(y: number, x: number, n: number, tanhForm: boolean): void;
  /**
   * assembly/nn/gelu/geluArrayBackward
   * @param dx `usize`
   * @param dy `usize`
   * @param x `usize`
   * @param n `i32`
   * @param tanhForm `bool`
   */
  export function geluArrayBackward(
    dx: number,
    dy: number,
    x: number,
    n: number,
    tanhForm: boolean,
  ): void;
  /**
   * assembly/nn/embedding/gatherRows
   * @param y `usize`
   * @param table `usize`
   * @param ids `usize`
   * @param count `i32`
   * @param cols `i32`
   */
  export function gatherRows(
    y: number,
    table: number,
    ids: number,
    count: number,
    cols: number,
  ): void;
  /**
   * assembly/nn/embedding/scatterAddRows
   * @param dTable `usize`
   * @param dy `usize`
   * @param ids `usize`
   * @param count `i32`
   * @param cols `i32`
   * @param ld `i32`
   */
  export function scatterAddRows(
    dTable: number,
    dy: number,
    ids: number,
    count: number,
    cols: number,
    ld: number,
  ): void;
  /**
   * assembly/nn/optim/adamWStep
   * @param p `usize`
   * @param g `usize`
   * @param m `usize`
   * @param v `usize`
   * @param n `i32`
   * @param rate `f64`
   * @param beta1 `f64`
   * @param beta2 `f64`
   * @param eps `f64`
   * @param decay `f64`
   * @param correction1 `f64`
   * @param correction2 `f64`
   * @param gradScale `f32`
   */
  export function adamWStep(
    p: number,
    g: number,
    m: number,
    v: number,
    n: number,
    rate: number,
    beta1: number,
    beta2: number,
    eps: number,
    decay: number,
    correction1: number,
    correction2: number,
    gradScale: number,
  ): void;
  /**
   * assembly/nn/optim/sgdStep
   * @param p `usize`
   * @param g `usize`
   * @param velocity `usize`
   * @param n `i32`
   * @param rate `f64`
   * @param momentum `f64`
   * @param decay `f64`
   * @param nesterov `bool`
   * @param gradScale `f32`
   */
  export function sgdStep(
    p: number,
    g: number,
    velocity: number,
    n: number,
    rate: number,
    momentum: number,
    decay: number,
    nesterov: boolean,
    gradScale: number,
  ): void;
  /**
   * assembly/nn/random/fillUniform
   * @param y `usize`
   * @param n `i32`
   * @param low `f32`
   * @param high `f32`
   * @param seedLow `i32`
   * @param seedHigh `i32`
   * @param stream `i32`
   * @param position `i32`
   */
  export function fillUniform(
    y: number,
    n: number,
    low: number,
    high: number,
    seedLow: number,
    seedHigh: number,
    stream: number,
    position: number,
  ): void;
  /**
   * assembly/nn/random/fillUniformRows
   * @param y `usize`
   * @param rows `i32`
   * @param cols `i32`
   * @param seedLow `i32`
   * @param seedHigh `i32`
   * @param stream `i32`
   * @param position `i32`
   * @param first `i32`
   */
  export function fillUniformRows(
    y: number,
    rows: number,
    cols: number,
    seedLow: number,
    seedHigh: number,
    stream: number,
    position: number,
    first: number,
  ): void;
  /**
   * assembly/nn/random/fillNormal
   * @param y `usize`
   * @param n `i32`
   * @param mean `f32`
   * @param std `f32`
   * @param seedLow `i32`
   * @param seedHigh `i32`
   * @param stream `i32`
   * @param position `i32`
   */
  export function fillNormal(
    y: number,
    n: number,
    mean: number,
    std: number,
    seedLow: number,
    seedHigh: number,
    stream: number,
    position: number,
  ): void;
  /**
   * assembly/nn/random/dropoutArray
   * @param y `usize`
   * @param x `usize`
   * @param n `i32`
   * @param rate `f32`
   * @param seedLow `i32`
   * @param seedHigh `i32`
   * @param stream `i32`
   * @param position `i32`
   * @param block `i32`
   */
  export function dropoutArray(
    y: number,
    x: number,
    n: number,
    rate: number,
    seedLow: number,
    seedHigh: number,
    stream: number,
    position: number,
    block: number,
  ): void;
  /**
   * assembly/nn/attention/attentionScratch
   * @param queries `i32`
   * @param keys `i32`
   * @param width `i32`
   * @returns `i32`
   */
  export function attentionScratch(queries: number, keys: number, width: number): number;
  /**
   * assembly/nn/attention/attention
   * @param y `usize`
   * @param logSums `usize`
   * @param at `usize`
   * @param scratch `usize`
   * @param first `i32`
   * @param count `i32`
   */
  export function attention(
    y: number,
    logSums: number,
    at: number,
    scratch: number,
    first: number,
    count: number,
  ): void;
  /**
   * assembly/nn/attention/attentionBackward
   * @param dq `usize`
   * @param dk `usize`
   * @param dv `usize`
   * @param dy `usize`
   * @param y `usize`
   * @param logSums `usize`
   * @param at `usize`
   * @param scratch `usize`
   * @param first `i32`
   * @param count `i32`
   */
  export function attentionBackward(
    dq: number,
    dk: number,
    dv: number,
    dy: number,
    y: number,
    logSums: number,
    at: number,
    scratch: number,
    first: number,
    count: number,
  ): void;
  /**
   * assembly/images/views/planViews
   * @param views `usize`
   * @param uniforms `usize`
   * @param count `i32`
   * @param options `usize`
   * @param height `i32`
   * @param width `i32`
   * @param outHeight `i32`
   * @param outWidth `i32`
   */
  export function planViews(
    views: number,
    uniforms: number,
    count: number,
    options: number,
    height: number,
    width: number,
    outHeight: number,
    outWidth: number,
  ): void;
  /**
   * assembly/images/resize/resizePicture
   * @param y `usize`
   * @param x `usize`
   * @param scratch `usize`
   * @param channels `i32`
   * @param stride `i32`
   * @param height `i32`
   * @param width `i32`
   * @param outHeight `i32`
   * @param outWidth `i32`
   */
  export function resizePicture(
    y: number,
    x: number,
    scratch: number,
    channels: number,
    stride: number,
    height: number,
    width: number,
    outHeight: number,
    outWidth: number,
  ): void;
  /**
   * assembly/images/augment/pixelPlanes
   * @param y `usize`
   * @param bytes `usize`
   * @param count `i32`
   * @param pixels `i32`
   * @param channels `i32`
   */
  export function pixelPlanes(
    y: number,
    bytes: number,
    count: number,
    pixels: number,
    channels: number,
  ): void;
  /**
   * assembly/images/augment/renderViews
   * @param y `usize`
   * @param bytes `usize`
   * @param views `usize`
   * @param scratch `usize`
   * @param count `i32`
   * @param channels `i32`
   * @param height `i32`
   * @param width `i32`
   * @param outHeight `i32`
   * @param outWidth `i32`
   * @param radius `i32`
   */
  export function renderViews(
    y: number,
    bytes: number,
    views: number,
    scratch: number,
    count: number,
    channels: number,
    height: number,
    width: number,
    outHeight: number,
    outWidth: number,
    radius: number,
  ): void;
  /**
   * assembly/images/conv/convolutionScratch
   * @param geometry `usize`
   * @returns `i32`
   */
  export function convolutionScratch(geometry: number): number;
  /**
   * assembly/images/conv/convolution
   * @param y `usize`
   * @param x `usize`
   * @param weight `usize`
   * @param bias `usize`
   * @param batch `i32`
   * @param geometry `usize`
   * @param scratch `usize`
   */
  export function convolution(
    y: number,
    x: number,
    weight: number,
    bias: number,
    batch: number,
    geometry: number,
    scratch: number,
  ): void;
  /**
   * assembly/images/conv/convolutionInputBackward
   * @param dx `usize`
   * @param dy `usize`
   * @param weight `usize`
   * @param batch `i32`
   * @param geometry `usize`
   * @param scratch `usize`
   */
  export function convolutionInputBackward(
    dx: number,
    dy: number,
    weight: number,
    batch: number,
    geometry: number,
    scratch: number,
  ): void;
  /**
   * assembly/images/conv/convolutionWeightBackward
   * @param dWeight `usize`
   * @param dy `usize`
   * @param x `usize`
   * @param batch `i32`
   * @param o0 `i32`
   * @param o1 `i32`
   * @param k0 `i32`
   * @param k1 `i32`
   * @param geometry `usize`
   * @param scratch `usize`
   */
  export function convolutionWeightBackward(
    dWeight: number,
    dy: number,
    x: number,
    batch: number,
    o0: number,
    o1: number,
    k0: number,
    k1: number,
    geometry: number,
    scratch: number,
  ): void;
  /**
   * assembly/images/pool/maxPool
   * @param y `usize`
   * @param places `usize`
   * @param x `usize`
   * @param planes `i32`
   * @param height `i32`
   * @param width `i32`
   * @param rows `i32`
   * @param columns `i32`
   * @param size `i32`
   * @param stride `i32`
   * @param padding `i32`
   */
  export function maxPool(
    y: number,
    places: number,
    x: number,
    planes: number,
    height: number,
    width: number,
    rows: number,
    columns: number,
    size: number,
    stride: number,
    padding: number,
  ): void;
  /**
   * assembly/images/pool/maxPoolBackward
   * @param dx `usize`
   * @param dy `usize`
   * @param places `usize`
   * @param planes `i32`
   * @param plane `i32`
   * @param windows `i32`
   */
  export function maxPoolBackward(
    dx: number,
    dy: number,
    places: number,
    planes: number,
    plane: number,
    windows: number,
  ): void;
  /**
   * assembly/images/pool/averagePool
   * @param y `usize`
   * @param x `usize`
   * @param planes `i32`
   * @param height `i32`
   * @param width `i32`
   * @param rows `i32`
   * @param columns `i32`
   * @param size `i32`
   * @param stride `i32`
   * @param padding `i32`
   */
  export function averagePool(
    y: number,
    x: number,
    planes: number,
    height: number,
    width: number,
    rows: number,
    columns: number,
    size: number,
    stride: number,
    padding: number,
  ): void;
  /**
   * assembly/images/pool/averagePoolBackward
   * @param dx `usize`
   * @param dy `usize`
   * @param planes `i32`
   * @param height `i32`
   * @param width `i32`
   * @param rows `i32`
   * @param columns `i32`
   * @param size `i32`
   * @param stride `i32`
   * @param padding `i32`
   */
  export function averagePoolBackward(
    dx: number,
    dy: number,
    planes: number,
    height: number,
    width: number,
    rows: number,
    columns: number,
    size: number,
    stride: number,
    padding: number,
  ): void;
  /**
   * assembly/images/channels/channelSums
   * @param sums `usize`
   * @param x `usize`
   * @param outer `i32`
   * @param channels `i32`
   * @param inner `i32`
   * @param ld `i32`
   */
  export function channelSums(
    sums: number,
    x: number,
    outer: number,
    channels: number,
    inner: number,
    ld: number,
  ): void;
  /**
   * assembly/images/channels/affineChannels
   * @param y `usize`
   * @param x `usize`
   * @param factor `usize`
   * @param summand `usize`
   * @param outer `i32`
   * @param channels `i32`
   * @param inner `i32`
   * @param ld `i32`
   */
  export function affineChannels(
    y: number,
    x: number,
    factor: number,
    summand: number,
    outer: number,
    channels: number,
    inner: number,
    ld: number,
  ): void;
  /**
   * assembly/images/channels/channelProducts
   * @param products `usize`
   * @param dy `usize`
   * @param x `usize`
   * @param outer `i32`
   * @param channels `i32`
   * @param inner `i32`
   * @param ld `i32`
   */
  export function channelProducts(
    products: number,
    dy: number,
    x: number,
    outer: number,
    channels: number,
    inner: number,
    ld: number,
  ): void;
  /**
   * assembly/images/channels/standardizeChannels
   * @param y `usize`
   * @param mean `usize`
   * @param variance `usize`
   * @param x `usize`
   * @param outer `i32`
   * @param channels `i32`
   * @param inner `i32`
   * @param ld `i32`
   * @param eps `f64`
   */
  export function standardizeChannels(
    y: number,
    mean: number,
    variance: number,
    x: number,
    outer: number,
    channels: number,
    inner: number,
    ld: number,
    eps: number,
  ): void;
  /**
   * assembly/images/channels/standardizeChannelsBackward
   * @param dx `usize`
   * @param dy `usize`
   * @param y `usize`
   * @param variance `usize`
   * @param outer `i32`
   * @param channels `i32`
   * @param inner `i32`
   * @param ld `i32`
   * @param eps `f64`
   */
  export function standardizeChannelsBackward(
    dx: number,
    dy: number,
    y: number,
    variance: number,
    outer: number,
    channels: number,
    inner: number,
    ld: number,
    eps: number,
  ): void;
  /**
   * assembly/core/heap-base/heapBase
   * @returns `usize`
   */
  export function heapBase(): number;
}
/** Instantiates the compiled WebAssembly module with the given imports. */
export declare function instantiate(
  module: WebAssembly.Module,
  imports: {},
): Promise<typeof __AdaptedExports>;
