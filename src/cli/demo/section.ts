/** The interface of a section of the demo. */

import type { Block, ChartPanel, Table } from '../../report/types.js';
import type { Terminal } from '../../terminal/progress.js';

/** A section of the demo. */
export interface Section {
  /** Word that asks for it on the command line. */
  name: string;
  /** Heading in the report. */
  title: string;
  /** Time that it takes on one core, in seconds on a machine of 2023, for the time left. */
  duration: number;
  /** Data that it uses, and their licenses. */
  sources: readonly string[];
  run(context: SectionContext): Promise<SectionResult>;
}

/** Context that a section runs in. */
export interface SectionContext {
  /** Train longer. */
  full: boolean;
  seed: number;
  terminal: Pick<Terminal, 'event' | 'progress' | 'transient'>;
}

/** Results of a section. */
export interface SectionResult {
  /** Blocks of the report. */
  blocks: Block[];
  /** Tables for the terminal. */
  tables: Table[];
  /** Numbers for programs. */
  metrics: Readonly<Record<string, number>>;
  /** A figure that is also a file of its own. */
  figure?: { file: string; panels: ChartPanel[]; label: string };
}
