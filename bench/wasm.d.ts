/** Importing a .wasm file gives its bytes in base64, as the build inlines it. */
declare module '*.wasm' {
  const base64: string;
  export default base64;
}
