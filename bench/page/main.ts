/** The form of the page: runs the benchmark in the browser and draws the results. */

import { renderReport } from '../../src/report/index.js';
import { measureCallOverhead } from '../call-overhead.js';
import { nextTask } from '../clock.js';
import { type MeasureOptions, measureAll } from '../measure.js';
import { plain } from '../peers/plain.js';
import { benchReport } from '../report.js';
import { sourcePackage } from '../source-package.js';

function element<E extends HTMLElement>(id: string): E {
  return document.getElementById(id) as E;
}

async function run(event: Event): Promise<void> {
  event.preventDefault();
  const button = element<HTMLButtonElement>('bench-run');
  const state = element<HTMLOutputElement>('bench-state');
  const options: MeasureOptions = {
    name: element<HTMLInputElement>('bench-name').value.trim(),
    largest: Number(element<HTMLSelectElement>('bench-largest').value),
    growth: element<HTMLInputElement>('bench-growth').checked,
    threads: 1,
    peers: [plain],
    callOverhead: measureCallOverhead,
  };
  button.disabled = true;
  try {
    const measured = await measureAll(sourcePackage, options, {
      start: async (what) => {
        state.value = what;
        await nextTask();
      },
    });
    if (measured.results.length === 0 && !options.growth) {
      state.value = `no operation's name contains ${JSON.stringify(options.name)}`;
      return;
    }
    state.value = 'done';
    const drawn = new DOMParser().parseFromString(
      renderReport(benchReport([measured], '')),
      'text/html',
    );
    element('bench-here').replaceChildren(...(drawn.querySelector('main')?.childNodes ?? []));
    const link = element<HTMLAnchorElement>('bench-json');
    const json = new Blob([JSON.stringify([measured], null, 1)], { type: 'application/json' });
    URL.revokeObjectURL(link.href);
    link.href = URL.createObjectURL(json);
    link.hidden = false;
  } catch (error) {
    state.value = String(error);
  } finally {
    button.disabled = false;
  }
}

element('bench').addEventListener('submit', run);
