const COLOURS = `:root{--paper:#fff;--ink:#1c2430;--muted:#5b6675;--line:#dfe4ea;--good:#0a7a3d;--bad:#b3261e;
--c0:#0b57d0;--c1:#d9480f;--c2:#2b8a3e;--c3:#9c36b5;--c4:#0c8599;--c5:#a06a00;--c6:#c2255c;--c7:#5c7cfa;--c8:#868e96}
@media(prefers-color-scheme:dark){:root{--paper:#12161c;--ink:#e6e9ee;--muted:#9aa5b3;--line:#2b333d;--good:#5bd08f;--bad:#ff8a80;
--c0:#7cb1ff;--c1:#ff9d5c;--c2:#69db7c;--c3:#da77f2;--c4:#3bc9db;--c5:#fcc419;--c6:#f783ac;--c7:#91a7ff;--c8:#adb5bd}}`;

/** Lines: EDDI strong, the oracle dashed, rivals in hues far apart. */
const PLOTS = `.plot{font:11px system-ui,sans-serif;fill:var(--ink)}
.plot .title{font-weight:600;font-size:12px}.axis{fill:var(--muted)}.plot .grid{stroke:var(--line)}
.plot .on{fill:var(--paper);font-weight:600}.plot .ring{fill:none;stroke:var(--c1);stroke-width:1.6}
.plot .zero{stroke:var(--muted)}.plot .reach{stroke:var(--c0);stroke-width:2}.plot path{fill:none;stroke-width:1.8}
.m-edge{fill:var(--c8)}.m-inner{fill:var(--c0)}.m-image{fill:var(--c5)}
${Array.from({ length: 9 }, (_, at) => `.l${at}{stroke:var(--c${at})}.d${at}{fill:var(--c${at})}.i${at}{background:var(--c${at})}`).join("\n")}
.plot .l0{stroke-width:3}`;

/** Light and dark, and narrow enough for a phone. */
export const PAGE_STYLE = `
${COLOURS}
*{box-sizing:border-box}
body{margin:0 auto;max-width:72rem;padding:1rem;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
h1{font-size:1.6rem;line-height:1.2;margin:.5rem 0}h2{font-size:1.2rem;margin:2.2rem 0 .4rem}p{max-width:46rem}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,20rem),1fr));gap:1rem}
${PLOTS}
.plot{width:100%;height:auto;max-width:48rem}
.wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.9rem}
th,td{padding:.25rem .6rem;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
th:first-child,td:first-child,.left{text-align:left}th{color:var(--muted);font-weight:600}
th:first-child,td:first-child{position:sticky;left:0;background:var(--paper)}
.stacks th,.stacks td{white-space:normal}
@media(max-width:44rem){body{padding:.8rem}
.stacks thead{display:none}.stacks table,.stacks tbody,.stacks tr,.stacks td{display:block;width:100%}
.stacks tr{padding:.5rem 0;border-bottom:1px solid var(--line)}
.stacks td{display:flex;gap:1rem;justify-content:space-between;border:0;padding:.05rem 0;text-align:right}
.stacks td:first-child{font-weight:600;position:static}.stacks td:empty{display:none}
.stacks td[data-label]::before{content:attr(data-label);color:var(--muted);text-align:left}}
details{margin:.6rem 0}summary{cursor:pointer;padding:.5rem 0}
.good{color:var(--good)}.bad{color:var(--bad)}.muted{color:var(--muted)}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1rem;font-size:.9rem;margin:.4rem 0}
.legend i{display:inline-block;width:1.4rem;height:.2rem;vertical-align:middle;margin-right:.4rem;border-radius:2px}
`;

/** Of a plot that stands by itself. */
export const PICTURE_STYLE = `${COLOURS}
${PLOTS}
.paper{fill:var(--paper)}text{font:11px system-ui,sans-serif}`;
