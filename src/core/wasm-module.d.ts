/** What importing a .wasm file gives: base64, as the build inlines it, or a module beside a bundle. */

declare module '*.wasm' {
  const text: string;
  export default text;
}

declare module './nearfar*' {
  const module: WebAssembly.Module;
  export default module;
}
