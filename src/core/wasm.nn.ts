/** The compiled kernels of nearfar/nn, inlined by the build and decoded when they are first needed. */
import text from '../../dist/nearfar-nn.wasm';
import { fromBase64 } from './base64.js';

export default (): Uint8Array => fromBase64(text);
