/**
 * A report as plain data. Nothing in it knows about HTML, so that results can be kept, compared or
 * drawn elsewhere.
 */

/** A page: sections below a title. */
export interface Report {
  title: string;
  /** Summary of the page in a sentence or two. */
  lead: string;
  sections: ReportSection[];
  /** HTML that follows the sections as it is. */
  extra?: string;
  /** Command that makes the same page again, and sources. */
  footer: string;
}

/** A section of a page. */
export interface ReportSection {
  /** Fragment of the page's URL, as in `index.html#digits`. */
  name: string;
  title: string;
  blocks: Block[];
}

/** A part of a section. Text may hold `code` between backticks, as everywhere in a report. */
export type Block =
  | { kind: 'text'; text: string }
  | { kind: 'heading'; text: string }
  | { kind: 'figure'; panels: Panel[]; caption: string; origin?: Origin }
  /** Text that a model generated. */
  | { kind: 'quote'; text: string; caption: string; origin?: Origin }
  /** Lines of a program; folded ones are shown when the reader asks for them. */
  | { kind: 'code'; text: string; caption: string; folded?: boolean }
  /** Words and what they mean. */
  | { kind: 'terms'; terms: readonly (readonly [term: string, meaning: string])[] }
  | { kind: 'table'; table: Table; origin?: Origin };

/** Where numbers come from: computed by the command that wrote the page, or by an earlier run. */
export type Origin = 'now' | 'stored';

/** A table. */
export interface Table {
  /** Names of the columns; a line break matters on a terminal only. */
  head: string[];
  /** The first cell of a row names it. */
  rows: string[][];
  /** Indices of columns of text, which are aligned to the left and broken into lines. */
  texts?: readonly number[];
  caption: string;
}

/** A chart or an image with a title. */
export type Panel = ChartPanel | ImagePanel;

/** A chart. */
export type ChartPanel = LinePanel | ScatterPanel | DotPanel;

/** Curves over an axis. */
export interface LinePanel {
  kind: 'lines';
  title: string;
  x: string;
  y: string;
  series: Series[];
  /** A value to compare with, as a dashed horizontal line. */
  reference?: { y: number; label: string };
  xScale?: 'linear' | 'log';
  yScale?: 'linear' | 'log';
  /** True for fractions, written as percentages. */
  percent?: boolean;
  /** True to mark each point: a measurement, not one of many steps. */
  points?: boolean;
}

/** A curve. */
export interface Series {
  name: string;
  /** Index of the palette's color. */
  color: number;
  points: readonly (readonly [x: number, y: number])[];
  /** Drawn thin and pale, behind the others, and left out of the legend. */
  faint?: boolean;
}

/** Points of groups in a plane. */
export interface ScatterPanel {
  kind: 'scatter';
  title: string;
  x: string;
  y: string;
  /** Names of the groups: their order gives color and shape. */
  groups: string[];
  points: readonly { x: number; y: number; group: number }[];
  /** Draw each point as its group's name, or as a dot with a shape for each group. */
  marks: 'dots' | 'names';
}

/** Names down the side, and for each the values of several groups. */
export interface DotPanel {
  kind: 'dots';
  title: string;
  x: string;
  xScale?: 'linear' | 'log';
  /** True for fractions, written as percentages. */
  percent?: boolean;
  /** A value to compare with, as a dashed vertical line. */
  reference?: number;
  /** Names of the groups: their order gives color and shape. */
  groups: string[];
  points: readonly { name: string; x: number; group: number }[];
}

/** An image. */
export interface ImagePanel {
  kind: 'image';
  title: string;
  /** A data: URL. */
  source: string;
  width: number;
  height: number;
  /** Drawn in white on black: dark on light where the page is light. */
  ink?: boolean;
  /** Text for readers who do not see the image. */
  alternative: string;
  /** Names of the image's rows, next to them. */
  rows?: readonly string[];
}
