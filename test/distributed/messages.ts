/** Messages between ranks, for tests: `internals.ts` bundles this file. */

export { joinBytes, splitBytes } from '../../src/distributed/bytes.js';
export { crc32, plainCrc32 } from '../../src/distributed/nats/checksum.js';
export { readFrame, writeFrame } from '../../src/distributed/nats/frame.js';
export { readNote, writeNote } from '../../src/distributed/nats/members.js';
export { Mailbox } from '../../src/distributed/nats/messages.js';
export { RoundTrip } from '../../src/distributed/nats/round-trip.js';
export { plainHmac, Seal } from '../../src/distributed/nats/seal.js';
export { readValues, writeValues } from '../../src/distributed/transport/format.js';
