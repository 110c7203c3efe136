/**
 * Charts as SVG text, drawn by Observable Plot into a document that exists in memory only. Colors
 * are CSS variables (--c0, --c1, …) and currentColor, so that one drawing serves light and dark.
 */

import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import type { ChartPanel, DotPanel, LinePanel, ScatterPanel, Series } from './types.js';

/** Size of every chart in its own units: as wide as a phone, so that text is not shrunk there. */
export const WIDTH = 380;
/** Height of a chart without a legend of several rows. */
export const HEIGHT = 340;
const MARGIN = { top: 34, right: 14, bottom: 42, left: 46 };
/** Left of an axis whose numbers are long: a logarithmic one, or one of hundredths. */
const WIDE_MARGIN = 60;
/** Range of values below which an axis has hundredths. */
const FINE_RANGE = 0.5;
/** Largest number from which on five ticks either side of 0 are whole numbers. */
const WHOLE_RANGE = 2;

const SHAPES = ['circle', 'square2', 'triangle2', 'diamond2'] as const;
const GRAY = 'color-mix(in srgb, currentColor 16%, transparent)';

/** The part of the DOM that a drawn element needs; its types are not part of this program. */
interface Drawn {
  outerHTML: string;
  setAttribute(name: string, value: string): void;
  querySelector(selector: string): { remove(): void } | null;
}

/** Numbers as they are, without a letter for thousands or thousandths. */
const PLAIN = { tickFormat: '~g' };

type Marks = Plot.Markish[];

const color = (index: number): string => `var(--c${index})`;

/** Draws marks on two axes and returns the SVG's text. */
function draw(options: Plot.PlotOptions, label: string): string {
  const { document } = parseHTML('<html><body></body></html>');
  const svg = Plot.plot({
    width: WIDTH,
    height: HEIGHT,
    marginTop: MARGIN.top,
    marginRight: MARGIN.right,
    marginBottom: MARGIN.bottom,
    marginLeft: MARGIN.left,
    style: { fontSize: '12px', fontFamily: 'inherit', background: 'none', overflow: 'visible' },
    ...options,
    document: document as unknown as NonNullable<Plot.PlotOptions['document']>,
  }) as unknown as Drawn;
  // Its style sheet is for a page of its own; ours covers what we use of it.
  svg.querySelector('style')?.remove();
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', label);
  return svg.outerHTML;
}

/** Height of a row of names, and the width of a letter. */
const LEGEND_ROW = 18;
const LETTER = 6.7;

/** Draws names above the frame, each after its symbol, and counts the rows beyond the first. */
function legend(
  names: readonly string[],
  colors: readonly number[],
  shapes: boolean,
  marginLeft = MARGIN.left,
): { marks: Marks; more: number } {
  let dx = 0;
  let row = 0;
  const positions = names.map((name) => {
    const width = 31 + name.length * LETTER;
    if (dx > 0 && dx + width > WIDTH - MARGIN.left) {
      dx = 0;
      row++;
    }
    const position = { dx: dx + MARGIN.left - marginLeft, row };
    dx += width;
    return position;
  });
  const marks = names.flatMap((name, i) => {
    const { dx, row: own } = positions[i] as (typeof positions)[number];
    const at = { frameAnchor: 'top-left', dy: -20 - LEGEND_ROW * (row - own) } as const;
    const fill = color(colors[i] ?? 0);
    const symbol = shapes ? (SHAPES[i % SHAPES.length] ?? 'circle') : 'circle';
    const sign = Plot.dot([0], { ...at, dx: dx + 5, symbol, r: 4, fill });
    const style = { textAnchor: 'start', lineAnchor: 'middle', fill: 'currentColor' } as const;
    return [sign, Plot.text([name], { ...at, ...style, dx: dx + 15 })];
  });
  return { marks, more: LEGEND_ROW * row };
}

function line(series: Series, points: boolean): Marks {
  const stroke = color(series.color);
  const faint = series.faint === true;
  const x = (d: readonly [number, number]): number => d[0];
  const y = (d: readonly [number, number]): number => d[1];
  const data = [...series.points];
  const width = faint ? { strokeWidth: 0.7, strokeOpacity: 0.35 } : { strokeWidth: 1.8 };
  const path = Plot.line(data, { x, y, stroke, ...width });
  return points ? [path, Plot.dot(data, { x, y, fill: stroke, r: 3 })] : [path];
}

/** Tells whether curves end below a value, so that there is room for its label above it. */
function isBelow(series: readonly Series[], y: number): boolean {
  const last = series.flatMap(({ points }) => points.slice(-Math.ceil(points.length / 3)));
  return last.filter((point) => point[1] < y).length * 2 > last.length;
}

/** Height below the lowest value for the label of a reference. */
const LABEL_ROOM = 16;

function lineChart(panel: LinePanel): string {
  const { series, reference, percent = false, points = false } = panel;
  const { xScale = 'linear', yScale = 'linear' } = panel;
  const values = series.flatMap((one) => one.points.map(([, y]) => y));
  const isFine = !percent && Math.max(...values) - Math.min(...values) < FINE_RANGE;
  const marginLeft = yScale === 'log' || isFine ? WIDE_MARGIN : MARGIN.left;
  const named = series.filter((one) => one.faint !== true);
  const ordered = [...series.filter((one) => one.faint === true), ...named];
  const xs = series.flatMap((one) => one.points.map(([x]) => x));
  const marks: Marks = [
    Plot.gridY({ stroke: GRAY, strokeOpacity: 1 }),
    ...ordered.flatMap((one) => line(one, points)),
  ];
  // Where the curve is above the reference, its label is below, away from the axis.
  const labelBelow = reference !== undefined && !isBelow(named, reference.y);
  if (reference !== undefined) {
    const { y } = reference;
    marks.push(
      Plot.ruleY([y], { stroke: 'currentColor', strokeDasharray: '3 4', strokeOpacity: 0.7 }),
      Plot.text([reference.label], {
        x: Math.max(...xs),
        y,
        dx: -4,
        dy: labelBelow ? 10 : -8,
        textAnchor: 'end',
        fill: 'currentColor',
        stroke: 'var(--panel)',
      }),
    );
  }
  const shown = named.length > 1 ? named : [];
  const signs = legend(
    shown.map((one) => one.name),
    shown.map((one) => one.color),
    false,
    marginLeft,
  );
  marks.push(...signs.marks);
  const ticks = xScale === 'log' ? { ticks: [...new Set(xs)], tickFormat: String } : { ticks: 5 };
  const names = named.map((one) => one.name).join(', ');
  return draw(
    {
      marks,
      marginTop: MARGIN.top + signs.more,
      marginLeft,
      x: { type: xScale, label: panel.x, labelAnchor: 'center', labelArrow: 'none', ...ticks },
      y: {
        type: yScale,
        label: percent ? `${panel.y}, %` : panel.y,
        labelArrow: 'none',
        labelAnchor: 'center',
        nice: true,
        ticks: 5,
        percent,
        insetBottom: labelBelow ? LABEL_ROOM : 0,
        ...(yScale === 'log' ? PLAIN : {}),
      },
    },
    `${panel.title}: ${panel.y} over ${panel.x} (${names})`,
  );
}

function scatterChart(panel: ScatterPanel): string {
  const { points, groups } = panel;
  // The same length is the same distance on both axes, or angles between groups would lie.
  const height = HEIGHT - MARGIN.top - MARGIN.bottom;
  const widthFrom = (left: number): number => WIDTH - left - MARGIN.right;
  const reachOf = (width: number): number =>
    1.08 *
    Math.max(...points.map(({ x, y }) => Math.max(Math.abs(x) / width, Math.abs(y) / height)));
  // Numbers with a decimal and a sign would meet the axis's name.
  const hasDecimals = reachOf(widthFrom(MARGIN.left)) * height < WHOLE_RANGE;
  const marginLeft = hasDecimals ? WIDE_MARGIN : MARGIN.left;
  const width = widthFrom(marginLeft);
  const reach = reachOf(width);
  const axis = { ticks: 5, labelArrow: 'none', labelAnchor: 'center' } as const;
  const zero = { stroke: GRAY, strokeOpacity: 1 };
  const marks: Marks = [Plot.ruleX([0], zero), Plot.ruleY([0], zero)];
  groups.forEach((name, group) => {
    const data = points.filter((point) => point.group === group);
    if (panel.marks === 'names') {
      const text = { text: () => name, fill: color(group), fontSize: 11, fontWeight: 600 };
      marks.push(Plot.text(data, { x: 'x', y: 'y', ...text }));
    } else {
      const symbol = SHAPES[group % SHAPES.length] ?? 'circle';
      marks.push(Plot.dot(data, { x: 'x', y: 'y', symbol, r: 4.5, fill: color(group) }));
    }
  });
  const names = panel.marks === 'dots' ? groups : [];
  const signs = legend(names, [...groups.keys()], true, marginLeft);
  marks.push(...signs.marks);
  return draw(
    {
      marks,
      height: HEIGHT + signs.more,
      marginTop: MARGIN.top + signs.more,
      marginLeft,
      x: { ...axis, domain: [-reach * width, reach * width], label: panel.x },
      y: { ...axis, domain: [-reach * height, reach * height], label: panel.y },
    },
    `${panel.title}: ${points.length} points of ${groups.length} classes (${groups.join(', ')})`,
  );
}

/** A row has its name above its dots: names are too long for the side of a phone. */
const ROW = 36;
const NAME_ABOVE = -12;
const SIDE = 16;

function dotChart(panel: DotPanel): string {
  const { points, groups, reference, xScale = 'linear', percent = false } = panel;
  const names = [...new Set(points.map(({ name }) => name))];
  const above = { frameAnchor: 'left', textAnchor: 'start', dy: NAME_ABOVE } as const;
  const marks: Marks = [
    Plot.gridX({ stroke: GRAY, strokeOpacity: 1 }),
    Plot.gridY({ stroke: GRAY, strokeOpacity: 1 }),
    Plot.text(names, { y: (name) => name, text: (name) => name, fill: 'currentColor', ...above }),
  ];
  if (reference !== undefined) {
    const dashed = { strokeDasharray: '3 4', strokeOpacity: 0.7 };
    marks.push(Plot.ruleX([reference], { stroke: 'currentColor', ...dashed }));
  }
  groups.forEach((_, group) => {
    const data = points.filter((point) => point.group === group);
    const symbol = SHAPES[group % SHAPES.length] ?? 'circle';
    marks.push(Plot.dot(data, { x: 'x', y: 'name', symbol, r: 4.5, fill: color(group) }));
  });
  const signs = legend(groups, [...groups.keys()], true, SIDE);
  return draw(
    {
      height: MARGIN.top + signs.more + MARGIN.bottom + ROW * names.length,
      marginTop: MARGIN.top + signs.more,
      marginLeft: SIDE,
      marginRight: SIDE,
      marks: [...marks, ...signs.marks],
      x: {
        type: xScale,
        label: percent ? `${panel.x}, %` : panel.x,
        labelAnchor: 'center',
        labelArrow: 'none',
        ticks: 4,
        percent,
        ...(percent ? { domain: [0, 100] } : {}),
        ...(xScale === 'log' ? PLAIN : {}),
      },
      y: { domain: names, axis: null },
    },
    `${panel.title}: ${panel.x} of ${names.length} cases (${groups.join(', ')})`,
  );
}

/** Draws a chart as the text of an SVG. */
export function chart(panel: ChartPanel): string {
  if (panel.kind === 'dots') return dotChart(panel);
  return panel.kind === 'lines' ? lineChart(panel) : scatterChart(panel);
}
