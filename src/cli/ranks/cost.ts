/** Cost of the steps of a training that ranks share: time and bytes, of one rank. */

import type { StepCost } from '../../models/index.js';

/** Rounds milliseconds for a line of JSON. */
const round = (value: number): number => Math.round(10 * value) / 10;

/** Cost of a step, with time that is neither gathering nor summing as that of computing. */
export function describeCost(cost: StepCost): StepCost & { compute: number } {
  const { total, gather, reduce, wait, sent, received } = cost;
  return {
    total: round(total),
    compute: round(total - gather - reduce),
    gather: round(gather),
    reduce: round(reduce),
    wait: round(wait),
    sent,
    received,
  };
}

/** Cost of the step of median time, whose parts add up. */
export function medianCost(costs: readonly StepCost[]): StepCost | undefined {
  return [...costs].sort((a, b) => a.total - b.total)[costs.length >> 1];
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(2)} MB`;

/** A line for people. */
export function costLine(cost: StepCost): string {
  const { total, compute, gather, reduce, wait, sent, received } = describeCost(cost);
  return (
    `a step of rank 0 takes ${total} ms, as the median one did: ${compute} ms to compute, ${gather} ms to gather, ` +
    `${reduce} ms to sum gradients; of both, ${wait} ms wait for others; ` +
    `it sends ${megabytes(sent)} and receives ${megabytes(received)}`
  );
}
