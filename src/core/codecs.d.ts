/** Decoders of packages: the build puts their bytes into the bundle, as base64. */
declare module '@cwasm/*.wasm' {
  const code: string;
  export default code;
}
