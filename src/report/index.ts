/**
 * A report as one HTML file that needs no network, and a figure as one SVG file. Plain data in, text
 * out, on any runtime.
 */

import { chart, WIDTH } from './charts.js';
import { FONT, palette, STYLE } from './style.js';
import type { Block, ChartPanel, Origin, Panel, Report, ReportSection, Table } from './types.js';

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};

function escapeText(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => ENTITIES[sign] ?? sign);
}

/** Escapes text, marks `code` as such, and keeps units on the line of their number. */
function inline(text: string): string {
  return escapeText(text)
    .replace(/`([^`]+)`/g, '<code>$1</code>')
    .replace(/(\d) (?=(%|ms|s|MB|px)(?!\w))/g, '$1\u00a0');
}

function renderPanel(panel: Panel): string {
  const title = `<h4>${inline(panel.title)}</h4>`;
  if (panel.kind !== 'image') return `<div class="panel">${title}${chart(panel)}</div>`;
  const { source, width, height, ink, alternative } = panel;
  const size = `width="${width}" height="${height}"`;
  const kind = ink ? ' class="ink"' : '';
  const image = `<img${kind} src="${source}" ${size} alt="${escapeText(alternative)}">`;
  const { rows } = panel;
  if (rows === undefined) return `<div class="panel">${title}${image}</div>`;
  const names = rows.map((name) => `<li>${inline(name)}</li>`).join('');
  return `<div class="panel">${title}<div class="sheet"><ol>${names}</ol>${image}</div></div>`;
}

const ORIGINS: Readonly<Record<Origin, string>> = {
  now: 'computed just now',
  stored: 'from the stored run',
};

/** Renders a caption, and where its numbers come from. */
function renderCaption(text: string, origin?: Origin): string {
  const from =
    origin === undefined ? '' : `<span class="origin ${origin}">${ORIGINS[origin]}</span> `;
  return `<figcaption>${from}${inline(text)}</figcaption>`;
}

function renderTable({ head, rows, caption, texts = [] }: Table, origin?: Origin): string {
  const kind = (column: number): string => (texts.includes(column) ? ' class="text"' : '');
  const headings = head.map((text, i) => `<th scope="col"${kind(i)}>${inline(text)}</th>`).join('');
  const body = rows.map(([name = '', ...cells]) => {
    const others = cells.map((text, i) => `<td${kind(i + 1)}>${inline(text)}</td>`).join('');
    return `<tr><th scope="row">${inline(name)}</th>${others}</tr>`;
  });
  const [label = ''] = caption.split(/[.:;]/);
  // What scrolls sideways on a phone can be reached by the keyboard.
  return `<figure class="table">
<div role="region" aria-label="${escapeText(label)}" tabindex="0"><table>
<thead><tr>${headings}</tr></thead>
<tbody>${body.join('\n')}</tbody>
</table></div>
${renderCaption(caption, origin)}
</figure>`;
}

function renderBlock(block: Block): string {
  if (block.kind === 'text') return `<p>${inline(block.text)}</p>`;
  if (block.kind === 'heading') return `<h3>${inline(block.text)}</h3>`;
  if (block.kind === 'table') return renderTable(block.table, block.origin);
  if (block.kind === 'terms') {
    const terms = block.terms.map(
      ([term, meaning]) => `<dt>${inline(term)}</dt><dd>${inline(meaning)}</dd>`,
    );
    return `<dl>${terms.join('\n')}</dl>`;
  }
  const caption = renderCaption(block.caption, block.kind === 'code' ? undefined : block.origin);
  if (block.kind === 'quote') {
    return `<figure class="quote"><blockquote>${escapeText(block.text)}</blockquote>${caption}</figure>`;
  }
  if (block.kind === 'code') {
    const label = escapeText(block.caption);
    const lines = `<pre role="region" aria-label="${label}" tabindex="0"><code>${escapeText(block.text)}</code></pre>`;
    if (block.folded) {
      return `<details class="code"><summary>The code: ${inline(block.caption)}</summary>${lines}</details>`;
    }
    return `<figure class="code">${lines}${caption}</figure>`;
  }
  const { panels } = block;
  return `<figure${panels.length === 1 ? ' class="one"' : ''}>
<div class="panels">${panels.map(renderPanel).join('\n')}</div>
${caption}
</figure>`;
}

function renderSection({ name, title, blocks }: ReportSection): string {
  const body = blocks.map(renderBlock).join('\n');
  return `<section id="${escapeText(name)}" aria-labelledby="${escapeText(name)}-title">
<h2 id="${escapeText(name)}-title">${inline(title)}</h2>
${body}
</section>`;
}

/** Renders a report as an HTML document. */
export function renderReport({ title, lead, sections, extra = '', footer }: Report): string {
  const links = sections.map(
    (one) => `<a href="#${escapeText(one.name)}">${inline(one.title)}</a>`,
  );
  const nav = sections.length > 1 ? `<nav aria-label="Sections">${links.join('\n')}</nav>` : '';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escapeText(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${inline(title)}</h1>
<p class="lead">${inline(lead)}</p>
${nav}
</header>
<main>
${sections.map(renderSection).join('\n')}
${extra}
</main>
<footer>${inline(footer)}</footer>
</body>
</html>
`;
}

/** Renders charts side by side in one SVG file that stands alone. */
export function renderFigure(panels: readonly ChartPanel[], label: string): string {
  const gap = 24;
  const top = 40;
  const drawings = panels.map(chart);
  const heights = drawings.map((svg) => Number(/ height="([\d.]+)"/.exec(svg)?.[1]));
  const height = top + Math.max(...heights) + gap;
  const width = gap + panels.length * (WIDTH + gap);
  const placed = panels.map((panel, i) => {
    const x = gap + i * (WIDTH + gap);
    const title = `<text class="title" x="${x}" y="28">${escapeText(panel.title)}</text>`;
    return `${title}\n${(drawings[i] ?? '').replace('<svg', `<svg x="${x}" y="${top}"`)}`;
  });
  const size = `viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"`;
  const style = `${palette('svg')}
svg{color:var(--ink)}
text{white-space:pre;fill:var(--ink);font-family:${FONT}}
.title{font-size:15px;font-weight:600}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img" aria-label="${escapeText(label)}">
<style>${style}</style>
<rect width="100%" height="100%" fill="var(--paper)"/>
${placed.join('\n')}
</svg>
`;
}
