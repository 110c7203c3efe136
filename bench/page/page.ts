/** The page of a benchmark: results, and a form that measures in the browser that shows the page. */

import { renderReport } from '../../src/report/index.js';
import { benchReport } from '../report.js';
import type { Run } from '../results.js';

const FORM = `<section id="here" aria-labelledby="here-title">
<h2 id="here-title">In this browser</h2>
<p>Measures the same code in this browser versus plain JavaScript. Nothing is sent anywhere.
Do not use the machine meanwhile.</p>
<form id="bench" class="form">
<label>Operations whose name contains <input id="bench-name" value="ntXent" autocomplete="off"></label>
<label>up to the size <select id="bench-largest"><option>256</option><option selected>1024</option>
<option>4096</option><option>1000000</option></select></label>
<label><input id="bench-growth" type="checkbox"> growth, too (takes a minute or two)</label>
<button id="bench-run">Measure</button>
<output id="bench-state" for="bench-name bench-largest bench-growth"></output>
<a id="bench-json" download="results.json" hidden>results as JSON</a>
</form>
</section>
<div id="bench-here" aria-live="polite"></div>`;

/**
 * Renders the page as one HTML file that loads nothing from the network.
 *
 * @param program the built form, `bench-page.js`
 */
export function benchPage(
  runs: readonly Run[],
  { program, version }: { program: string; version: string },
): string {
  const script = program.replaceAll('</script', '<\\/script');
  return renderReport({
    ...benchReport(
      runs,
      `nearfar ${version}. \`npx nearfar bench --peers --growth\` measures all of it again.`,
    ),
    extra: `${FORM}\n<script type="module">${script}</script>`,
  });
}
