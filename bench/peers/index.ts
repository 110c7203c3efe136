/** Lists all peers that need Node; those that are not installed have the reason. */

import { packagePeers } from './packages.js';
import type { Missing, Peer } from './peer.js';
import { pythonPeer } from './python.js';

/**
 * Starts all peers.
 *
 * @param folder where packages from npm are installed
 * @param threads number of threads of Python's libraries; the others have one
 */
export async function allPeers(folder: string, threads: number): Promise<(Peer | Missing)[]> {
  const python = (['PyTorch', 'PyTorch by rows', 'NumPy', 'model2vec'] as const).map((module) =>
    pythonPeer(module, threads),
  );
  return Promise.all([...python, packagePeers(folder)]).then((all) => all.flat());
}

export const isHere = (peer: Peer | Missing): peer is Peer => 'prepare' in peer;
