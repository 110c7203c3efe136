/** Style of a report: one column of text, figures as wide as the page, light and dark. */

/** Colors of ink, paper and classes; each pair has a contrast of at least 4.5 to 1. */
const LIGHT = {
  paper: '#fdfcfa',
  ink: '#1f2328',
  quiet: '#5b6168',
  line: '#dcd8d0',
  panel: '#ffffff',
  classes: [
    '#0068a8',
    '#bd4b00',
    '#00785a',
    '#a8326f',
    '#6247aa',
    '#7a6000',
    '#b3261e',
    '#00727f',
    '#59616c',
    '#7a4a21',
  ],
};
const DARK: typeof LIGHT = {
  paper: '#15171a',
  ink: '#e8e6e1',
  quiet: '#a3a8ae',
  line: '#34383d',
  panel: '#1b1e22',
  classes: [
    '#5fb2ee',
    '#f2915a',
    '#3fc9a0',
    '#ee86bd',
    '#b29cf2',
    '#d3b74a',
    '#f2827b',
    '#4cc4d2',
    '#b4bbc4',
    '#cf9f74',
  ],
};

function variables({ paper, ink, quiet, line, panel, classes }: typeof LIGHT): string {
  const named = { paper, ink, quiet, line, panel };
  const pairs = [
    ...Object.entries(named),
    ...classes.map((value, i): [string, string] => [`c${i}`, value]),
  ];
  return pairs.map(([name, value]) => `--${name}:${value}`).join(';');
}

/** Returns the palette for a selector, dark where the reader's desktop is. */
export function palette(selector: string): string {
  return `${selector}{color-scheme:light dark;${variables(LIGHT)}}
@media (prefers-color-scheme:dark){${selector}{${variables(DARK)}}}`;
}

/** Font of everything but running text. */
export const FONT = "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',sans-serif";

/** The style sheet of a page. */
export const STYLE = `${palette(':root')}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);
font:1.0625rem/1.6 Charter,'Bitstream Charter','Sitka Text',Cambria,Georgia,serif}
header,section>*,footer{max-width:40rem;margin-inline:auto}
header,main,footer{padding-inline:1rem}
header{padding-block:3.5rem 1rem;border-bottom:1px solid var(--line);padding-inline:0}
body>header{width:calc(100% - 2rem)}
h1{font-size:clamp(1.8rem,6vw,2.5rem);line-height:1.15;letter-spacing:-.01em;margin:0 0 .8rem}
h1,h2,h3{font-weight:600;text-wrap:balance}
h2{font-size:1.5rem;line-height:1.25;margin-block:3.5rem .6rem}
h3{font-size:1.15rem;line-height:1.3;margin-block:2.6rem .4rem}
p{margin-block:.7rem}
.lead{font-size:1.15rem;line-height:1.55;color:var(--quiet);margin:0}
nav{margin-top:1.3rem;font:.9rem/1.9 ${FONT}}
nav a{margin-right:1.2rem}
a{color:var(--c0);text-underline-offset:.2em}
code{font:.88em/1 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;
background:color-mix(in srgb,var(--ink) 7%,transparent);padding:.12em .3em;border-radius:3px;white-space:nowrap}
section>figure{max-width:min(66rem,100%);margin-block:2rem}
section>figure.one{max-width:34rem}
.panels{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(min(24rem,100%),1fr))}
.panel{background:var(--panel);border:1px solid var(--line);border-radius:6px;
padding:.8rem .8rem .5rem;min-width:0;font-family:${FONT}}
.panel h4{font:600 .92rem/1.3 ${FONT};margin:0 0 .3rem;text-wrap:balance}
.panel svg,.panel img{display:block;width:100%;height:auto}
.panel svg{max-width:27rem;margin-inline:auto}
.sheet{display:grid;grid-template-columns:max-content 1fr;column-gap:.6rem}
.sheet ol{list-style:none;margin:0 0 .3rem;padding:0;display:grid;grid-auto-rows:1fr;align-items:center;font-size:.8rem}
.panel img{border-radius:3px;margin-bottom:.3rem}
svg text{white-space:pre}
figcaption{font:.9rem/1.5 ${FONT};color:var(--quiet)}
figcaption{max-width:40rem;margin:.7rem auto 0}
section>figure.quote{max-width:40rem;margin-block:1.2rem}
blockquote{margin:0;padding:.2rem 0 .2rem 1rem;border-left:3px solid var(--line);
white-space:pre-wrap;overflow-wrap:anywhere;font-size:1rem}
.quote figcaption{margin-top:.3rem}
section>figure.code{max-width:40rem;margin-block:1.2rem}
pre{margin:0;padding:.8rem 1rem;overflow-x:auto;background:var(--panel);border:1px solid var(--line);border-radius:6px;
font-size:.9rem;line-height:1.5}
pre code{background:none;padding:0;white-space:pre;line-height:inherit}
.code figcaption{margin-top:.3rem}
section>details.code{max-width:40rem;margin-block:-.8rem 2rem;font:.9rem/1.5 ${FONT}}
details.code summary{cursor:pointer;color:var(--quiet)}
details.code pre{margin-block:.5rem}
.origin{display:inline-block;border:1px solid var(--line);border-radius:1em;padding:0 .6em;font-size:.8rem;white-space:nowrap}
.origin.now{color:var(--c2)}
.origin.stored{color:var(--c4)}
dl{display:grid;grid-template-columns:minmax(7rem,max-content) 1fr;gap:.35rem 1.2rem;font:.92rem/1.5 ${FONT}}
dt{font-weight:600}dd{margin:0;overflow-wrap:anywhere}
section>figure.table{width:fit-content;min-width:min(40rem,100%);max-width:min(66rem,100%)}
.table>div{overflow-x:auto;background:linear-gradient(to left,var(--paper),transparent) right/2.5rem 100% no-repeat local,
linear-gradient(to left,color-mix(in srgb,var(--ink) 25%,transparent),transparent) right/.6rem 100% no-repeat scroll}
.table figcaption{max-width:none;contain:inline-size}
table{border-collapse:collapse;width:100%;font:.9rem/1.4 ${FONT};font-variant-numeric:tabular-nums}
th,td{padding:.45rem .6rem;text-align:right;border-bottom:1px solid var(--line);vertical-align:top}
th:first-child{text-align:left;padding-left:0}
th:last-child,td:last-child{padding-right:0}
tbody th,thead th:first-child{position:sticky;left:0;background:var(--paper)}
thead th{font-weight:600;vertical-align:bottom;border-bottom-color:var(--quiet)}
tbody th{font-weight:400}
td{white-space:nowrap}
:is(th,td).text{text-align:left;white-space:normal;min-width:11rem}
.form{display:flex;flex-wrap:wrap;gap:.7rem 1.2rem;align-items:center;font:.95rem/1.5 ${FONT}}
.form :is(input:not([type=checkbox]),select,button){font:inherit;color:inherit;background:var(--panel);
border:1px solid var(--quiet);border-radius:4px;padding:.25rem .5rem}
.form button{cursor:pointer}
.form output{flex-basis:100%;min-height:1.5em;color:var(--quiet)}
footer{margin-block:4rem 3rem;padding-top:1rem;border-top:1px solid var(--line);padding-inline:0;
font:.9rem/1.6 ${FONT};color:var(--quiet);width:calc(100% - 2rem)}
@media (prefers-color-scheme:light){.panel .ink{filter:invert(1)}}
@media (prefers-color-scheme:dark){.panel img:not(.ink){filter:brightness(.82)}}
@media (min-width:50rem){tbody th{white-space:nowrap}}
@media (max-width:30rem){dl{grid-template-columns:1fr}dd{margin-bottom:.5rem}table{font-size:.8rem}th,td{padding-inline:.35rem}tbody th{min-width:6.5rem}
nav a{display:block;width:fit-content}}
@media print{body{font-size:10.5pt}.panel{break-inside:avoid}nav{display:none}}`;
