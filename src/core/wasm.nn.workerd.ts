/** The compiled kernels of nearfar/nn as a module file beside this one, for workers. */
import module from './nearfar-nn.wasm';

export default (): WebAssembly.Module => module;
