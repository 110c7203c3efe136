/** Settings of the documentation's site. Pages and their order: build/docs/pages.ts. */

import { defineConfig } from 'vitepress';
import { sidebar } from '../../../build/docs/pages.js';
import { entries } from '../../../build/docs/reference.js';
import { fillFigures } from '../../../build/docs/results.js';

export default defineConfig({
  title: 'nearfar',
  description: 'Contrastive and self-supervised learning in WebAssembly',
  lang: 'en-US',
  base: process.env.NEARFAR_DOCS_BASE ?? '/',
  outDir: '../../nearfar-docs',
  cacheDir: '../../nearfar-docs-cache',
  // No icon: else browsers ask for one that is not there.
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  // A link that leads nowhere fails the build.
  ignoreDeadLinks: false,
  markdown: {
    config(md) {
      md.core.ruler.before('normalize', 'figures', (state) => {
        state.src = fillFigures(state.src);
      });
      // A block that is a file says so: ```csv [faq.csv].
      const fence = md.renderer.rules.fence;
      md.renderer.rules.fence = (tokens, i, options, env, self) => {
        // Read first: the renderer takes the brackets away.
        const file = /\[([^\]]+)\]/.exec(tokens[i]?.info ?? '')?.[1];
        const html = fence?.(tokens, i, options, env, self) ?? '';
        return file === undefined ? html : `<div class="file-name">${file}</div>${html}`;
      };
    },
  },
  themeConfig: {
    search: { provider: 'local' },
    outline: { level: [2, 3] },
    sidebar: sidebar(entries().map(({ name }) => name)),
    nav: [
      { text: 'Guides', link: '/guides/search' },
      { text: 'Reference', link: '/reference/nearfar/' },
      { text: 'Figures', link: '/figures/' },
    ],
  },
});
