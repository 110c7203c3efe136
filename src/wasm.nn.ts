/** The compiled kernels of nearfar/nn as bytes, inlined by the build. */
import bytes from '../dist/nearfar-nn.wasm';

export default bytes;
