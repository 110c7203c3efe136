/** All peers, those that are not there with the reason. */

import { packagePeers } from './packages.js';
import type { Missing, Peer } from './peer.js';
import { plain } from './plain.js';
import { pythonPeer } from './python.js';

export async function allPeers(): Promise<(Peer | Missing)[]> {
  return [await pythonPeer('PyTorch'), await pythonPeer('NumPy'), ...(await packagePeers()), plain];
}
