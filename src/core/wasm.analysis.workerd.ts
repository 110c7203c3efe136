/** The compiled kernels of analysis as a module file beside this one, for workers. */
import module from './nearfar-analysis.wasm';

export default (): WebAssembly.Module => module;
