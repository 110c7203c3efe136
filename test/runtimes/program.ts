/** What runs on every runtime: all operations of the table, through the installed package. */

import * as nearfar from 'nearfar';
import { hashOperations } from '../../bench/operations/hash.js';

export default async function program(): Promise<unknown> {
  return hashOperations(nearfar);
}
