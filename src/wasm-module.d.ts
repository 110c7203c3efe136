/** What importing a .wasm file gives: its bytes where the build inlines them, else a module. */

declare module '*.wasm' {
  const code: Uint8Array | WebAssembly.Module;
  export default code;
}
