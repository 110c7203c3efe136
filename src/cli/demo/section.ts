/** Section of the demo: a name, a title, and work that ends in a piece of report. */

import type { Block, ChartPanel, Table } from '../../report/types.js';
import type { Terminal } from '../../terminal/progress.js';

export interface Section {
  name: string;
  title: string;
  run(context: SectionContext): Promise<SectionResult>;
}

export interface SectionContext {
  /** Train longer. */
  full: boolean;
  seed: number;
  terminal: Terminal;
}

export interface SectionResult {
  /** What the report shows. */
  blocks: Block[];
  /** Tables for the terminal. */
  tables: Table[];
  /** Numbers for programs. */
  metrics: Readonly<Record<string, number>>;
  /** A figure that is also a file of its own. */
  figure?: { file: string; panels: ChartPanel[]; label: string };
}
