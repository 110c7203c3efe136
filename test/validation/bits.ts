/**
 * A text that tells two values apart to the last bit: of results, to see that nothing has changed
 * between two calls, and of arguments, to see that a call has left them alone.
 */

export function bits(value: unknown): string {
  if (ArrayBuffer.isView(value)) {
    const { buffer, byteOffset, byteLength } = value;
    const tag = Object.prototype.toString.call(value);
    // A detached buffer has no bytes to look at.
    if (byteLength === 0) return tag;
    return `${tag}${Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength).toString('hex')}`;
  }
  if (value instanceof ArrayBuffer) return bits(new Uint8Array(value));
  if (typeof value === 'number') return bits(Float64Array.of(value));
  if (Array.isArray(value)) {
    // A hole is not an undefined.
    const items = Array.from(value, (item, i) => (i in value ? bits(item) : 'hole'));
    return `[${items.join()}]`;
  }
  if (typeof value !== 'object' || value === null) return `${typeof value} ${String(value)}`;
  const entries = Object.entries(value).map(([key, item]) => `${key}: ${bits(item)}`);
  return `${Object.prototype.toString.call(value)}{${entries.join()}}`;
}

/** Finds the first NaN of a result; undefined if there is none. */
export function firstNaN(result: unknown): string | undefined {
  if (typeof result === 'number') return Number.isNaN(result) ? 'NaN' : undefined;
  if (ArrayBuffer.isView(result)) {
    const at = (result as Float32Array).findIndex((value) => Number.isNaN(value));
    return at < 0 ? undefined : `NaN at ${at}`;
  }
  if (typeof result !== 'object' || result === null) return undefined;
  for (const [key, value] of Object.entries(result)) {
    const found = firstNaN(value);
    if (found !== undefined) return `${key}: ${found}`;
  }
  return undefined;
}
