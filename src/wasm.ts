/** The compiled kernels as bytes, inlined by the build. */
import bytes from '../dist/nearfar.wasm';

export default bytes;
