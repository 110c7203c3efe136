/** All peers that need Node, those that are not there with the reason. */

import { packagePeers } from './packages.js';
import type { Missing, Peer } from './peer.js';
import { pythonPeer } from './python.js';

/** @param folder where packages from npm are looked for */
export async function allPeers(folder: string): Promise<(Peer | Missing)[]> {
  const python = ['PyTorch', 'PyTorch by rows', 'NumPy'] as const;
  return Promise.all([...python.map(pythonPeer), packagePeers(folder)]).then((all) => all.flat());
}

export const isHere = (peer: Peer | Missing): peer is Peer => 'prepare' in peer;
