/** All peers that need Node, those that are not there with the reason. */

import { packagePeers } from './packages.js';
import type { Missing, Peer } from './peer.js';
import { pythonPeer } from './python.js';

/**
 * @param folder where packages from npm are looked for
 * @param threads on which those of Python run; the others know one
 */
export async function allPeers(folder: string, threads: number): Promise<(Peer | Missing)[]> {
  const python = (['PyTorch', 'PyTorch by rows', 'NumPy'] as const).map((module) =>
    pythonPeer(module, threads),
  );
  return Promise.all([...python, packagePeers(folder)]).then((all) => all.flat());
}

export const isHere = (peer: Peer | Missing): peer is Peer => 'prepare' in peer;
