/** The compiled kernels as a module file beside this one: workers refuse to compile bytes. */
import module from './nearfar.wasm';

export default (): WebAssembly.Module => module;
