/**
 * A report as plain data: what sections hand over and what `render` draws. Nothing in it knows
 * about HTML, so that a command's results can be kept, compared or drawn elsewhere.
 */

export interface Report {
  title: string;
  /** What the page shows, in a sentence or two. */
  lead: string;
  sections: ReportSection[];
  /** HTML that follows the sections as it is. */
  extra?: string;
  /** How to get the same page again. */
  footer: string;
}

export interface ReportSection {
  /** Part of the page's address, as in `index.html#digits`. */
  name: string;
  title: string;
  blocks: Block[];
}

/** Text may hold `code` between backticks, as everywhere in a report. */
export type Block =
  | { kind: 'text'; text: string }
  | { kind: 'heading'; text: string }
  | { kind: 'figure'; panels: Panel[]; caption: string }
  /** Text that a system wrote. */
  | { kind: 'quote'; text: string; caption: string }
  | { kind: 'table'; table: Table };

export interface Table {
  /** A line break matters on a terminal only. */
  head: string[];
  /** The first cell of a row names it. */
  rows: string[][];
  caption: string;
}

export type Panel = ChartPanel | ImagePanel;

export type ChartPanel = LinePanel | ScatterPanel | DotPanel;

export interface LinePanel {
  kind: 'lines';
  title: string;
  x: string;
  y: string;
  series: Series[];
  /** A value that matters, as a dashed line across. */
  reference?: { y: number; label: string };
  xScale?: 'linear' | 'log';
  yScale?: 'linear' | 'log';
  /** Share of one: written as per cent. */
  percent?: boolean;
  /** Whether each point is a measurement to be seen, or one of many steps. */
  points?: boolean;
}

export interface Series {
  name: string;
  /** Which of the palette's colours. */
  color: number;
  points: readonly (readonly [x: number, y: number])[];
  /** Drawn thin and pale, behind the others, and left out of the legend. */
  faint?: boolean;
}

export interface ScatterPanel {
  kind: 'scatter';
  title: string;
  x: string;
  y: string;
  /** Names of the groups: their order gives colour and shape. */
  groups: string[];
  points: readonly { x: number; y: number; group: number }[];
  /** Draw each point as its group's name, or as a dot with a shape for each group. */
  marks: 'dots' | 'names';
}

/** Names down the side, and for each some values of several groups. */
export interface DotPanel {
  kind: 'dots';
  title: string;
  x: string;
  xScale?: 'linear' | 'log';
  /** Share of one: written as per cent. */
  percent?: boolean;
  /** A value that matters, as a dashed line down. */
  reference?: number;
  /** Their order gives colour and shape. */
  groups: string[];
  points: readonly { name: string; x: number; group: number }[];
}

export interface ImagePanel {
  kind: 'image';
  title: string;
  /** A data: address. */
  source: string;
  width: number;
  height: number;
  /** Drawn in white on black: dark on light where the page is light. */
  ink?: boolean;
  /** What one sees, for those who don't. */
  alternative: string;
}
