/**
 * Charts as SVG text, drawn by Observable Plot into a document that exists in memory only. Colours
 * are CSS variables (--c0, --c1, …) and currentColor, so that one drawing serves light and dark.
 */

import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import type { LinePanel, ScatterPanel, Series } from './types.js';

/** Size of every chart in its own units: as wide as a phone, so that text is not shrunk there. */
export const WIDTH = 380;
export const HEIGHT = 340;
const MARGIN = { top: 34, right: 14, bottom: 42, left: 46 };

const SHAPES = ['circle', 'square2', 'triangle2', 'diamond2'] as const;
const GREY = 'color-mix(in srgb, currentColor 16%, transparent)';

/** What a drawn element offers of the DOM, whose types are not part of this program. */
interface Drawn {
  outerHTML: string;
  setAttribute(name: string, value: string): void;
  querySelector(selector: string): { remove(): void } | null;
}

type Marks = Plot.Markish[];

const color = (index: number): string => `var(--c${index})`;

/** Draws marks on two axes and gives the SVG's text. */
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

/** A row of names above the frame, each after its sign. */
function legend(names: readonly string[], colors: readonly number[], shapes: boolean): Marks {
  let dx = 0;
  return names.flatMap((name, i) => {
    const at = { frameAnchor: 'top-left', dy: -20 } as const;
    const fill = color(colors[i] ?? 0);
    const symbol = shapes ? (SHAPES[i % SHAPES.length] ?? 'circle') : 'circle';
    const sign = Plot.dot([0], { ...at, dx: dx + 5, symbol, r: 4, fill });
    const style = { textAnchor: 'start', lineAnchor: 'middle', fill: 'currentColor' } as const;
    const text = Plot.text([name], { ...at, ...style, dx: dx + 15 });
    dx += 31 + name.length * 6.3;
    return [sign, text];
  });
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

export function lineChart(panel: LinePanel): string {
  const { series, reference, xScale = 'linear', percent = false, points = false } = panel;
  const named = series.filter((one) => one.faint !== true);
  const ordered = [...series.filter((one) => one.faint === true), ...named];
  const xs = series.flatMap((one) => one.points.map(([x]) => x));
  const marks: Marks = [
    Plot.gridY({ stroke: GREY, strokeOpacity: 1 }),
    ...ordered.flatMap((one) => line(one, points)),
  ];
  if (reference !== undefined) {
    const { y } = reference;
    marks.push(
      Plot.ruleY([y], { stroke: 'currentColor', strokeDasharray: '3 4', strokeOpacity: 0.7 }),
      Plot.text([reference.label], {
        x: Math.max(...xs),
        y,
        dx: -4,
        dy: -8,
        textAnchor: 'end',
        fill: 'currentColor',
      }),
    );
  }
  if (named.length > 1) {
    marks.push(
      ...legend(
        named.map((one) => one.name),
        named.map((one) => one.color),
        false,
      ),
    );
  }
  const ticks = xScale === 'log' ? { ticks: [...new Set(xs)], tickFormat: String } : { ticks: 5 };
  const names = named.map((one) => one.name).join(', ');
  return draw(
    {
      marks,
      x: { type: xScale, label: panel.x, labelAnchor: 'center', labelArrow: 'none', ...ticks },
      y: {
        label: percent ? `${panel.y}, %` : panel.y,
        labelArrow: 'none',
        labelAnchor: 'center',
        nice: true,
        ticks: 5,
        percent,
      },
    },
    `${panel.title}: ${panel.y} over ${panel.x} (${names})`,
  );
}

export function scatterChart(panel: ScatterPanel): string {
  const { points, groups } = panel;
  // The same length is the same distance on both axes, or angles between groups would lie.
  const width = WIDTH - MARGIN.left - MARGIN.right;
  const height = HEIGHT - MARGIN.top - MARGIN.bottom;
  const far = points.map(({ x, y }) => Math.max(Math.abs(x) / width, Math.abs(y) / height));
  const reach = 1.08 * Math.max(...far);
  const axis = { ticks: 5, labelArrow: 'none', labelAnchor: 'center' } as const;
  const zero = { stroke: GREY, strokeOpacity: 1 };
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
  if (panel.marks === 'dots') marks.push(...legend(groups, [...groups.keys()], true));
  return draw(
    {
      marks,
      x: { ...axis, domain: [-reach * width, reach * width], label: panel.x },
      y: { ...axis, domain: [-reach * height, reach * height], label: panel.y },
    },
    `${panel.title}: ${points.length} points of ${groups.length} classes (${groups.join(', ')})`,
  );
}
