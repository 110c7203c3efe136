/** The page of benchmarks: what was measured, and a form that measures in the browser it is opened in. */

import { readProgram, version } from '../../src/cli/files.js';
import { renderReport } from '../../src/report/index.js';
import { benchReport } from '../report.js';
import type { Run } from '../run.js';

const FORM = `<section id="here" aria-labelledby="here-title">
<h2 id="here-title">In this browser</h2>
<p>The same code, run where this page is open, beside plain JavaScript. Nothing is sent anywhere.
Leave the machine alone meanwhile.</p>
<form id="bench" class="form">
<label>Operations whose name contains <input id="bench-name" value="ntXent" autocomplete="off"></label>
<label>up to the size <select id="bench-largest"><option>256</option><option selected>1024</option>
<option>4096</option><option>1000000</option></select></label>
<label><input id="bench-growth" type="checkbox"> growth, too (a minute or two)</label>
<button id="bench-run">Measure</button>
<output id="bench-state" for="bench-name bench-largest bench-growth"></output>
<a id="bench-json" download="results.json" hidden>results as JSON</a>
</form>
</section>
<div id="bench-here" aria-live="polite"></div>`;

/** One HTML file that asks nothing of the network. */
export function benchPage(runs: readonly Run[]): string {
  const script = readProgram('bench-page.js').replaceAll('</script', '<\\/script');
  return renderReport({
    ...benchReport(
      runs,
      `nearfar ${version()}. \`npx nearfar bench --peers --growth\` measures all of it again.`,
    ),
    extra: `${FORM}\n<script type="module">${script}</script>`,
  });
}
