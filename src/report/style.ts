/**
 * The style sheet of report.html. Colours are light, or dark if the reader prefers that; paper is always light. Narrow
 * screens get one column, wide ones two.
 */

import { colorVariables, dark, light } from './palette.js';

export const style = `
:root { ${colorVariables(light)} color-scheme: light dark; }
@media (prefers-color-scheme: dark) { :root { ${colorVariables(dark)} } }
@media print { :root { ${colorVariables(light)} color-scheme: light; } }
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.5 'IBM Plex Sans', system-ui, -apple-system, 'Segoe UI', sans-serif;
  font-variant-numeric: tabular-nums; -webkit-text-size-adjust: 100%;
}
main { max-width: 1120px; margin: 0 auto; padding: 40px 24px 32px; }
h1, h2, h3, p, dl, dd, figure, table, pre { margin: 0; }
.eyebrow { color: var(--muted); font-size: 14px; letter-spacing: .02em; }
h1 { font-size: 22px; line-height: 1.3; font-weight: 600; overflow-wrap: anywhere; }
.hero { margin: 20px 0 4px; line-height: 1.05; }
.hero-score { color: var(--muted); font-size: clamp(20px, 3.4vw, 30px); white-space: nowrap; }
.hero-share {
  color: var(--training); font-size: clamp(60px, 11vw, 112px); font-weight: 600; letter-spacing: -.03em;
  white-space: nowrap;
}
.hero-label { color: var(--muted); }
.scores, .facts, .pair, .column { display: grid; gap: 16px; }
.column { grid-template-columns: minmax(0, 1fr); }
.scores { grid-template-columns: repeat(3, 1fr); margin: 28px 0 16px; }
.card {
  background: var(--surface); border: 1px solid var(--grid); border-radius: 12px; padding: 20px;
  min-width: 0; break-inside: avoid;
}
.score dt, .facts dt { color: var(--muted); font-size: 14px; }
.score dd { font-size: 20px; font-weight: 600; }
.score small { display: block; color: var(--muted); font-size: 14px; font-weight: 400; }
.ways { margin-bottom: 16px; }
.ways figure { margin-top: 8px; }
.ways table { width: auto; }
.facts { grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: 16px 20px; }
.facts dd { font-weight: 600; overflow-wrap: anywhere; }
section { margin-top: 40px; }
h2 { font-size: 20px; line-height: 1.3; font-weight: 600; margin-bottom: 12px; break-after: avoid; }
h3 { font-size: 16px; line-height: 1.35; font-weight: 600; overflow-wrap: anywhere; }
.note { color: var(--muted); font-size: 14px; margin-top: 2px; overflow-wrap: anywhere; }
.pair { grid-template-columns: repeat(2, minmax(0, 1fr)); align-items: start; }
.pair + .pair { margin-top: 16px; }
.pair.wide { grid-template-columns: minmax(0, 1fr); }
figure { margin-top: 14px; }
.scroll { overflow-x: auto; }
svg { display: block; width: 100%; height: auto; }
table { border-collapse: collapse; width: 100%; font-size: 15px; }
th { color: var(--muted); font-weight: 400; font-size: 14px; text-align: left; vertical-align: bottom; }
th, td { padding: 5px 20px 5px 0; border-bottom: 1px solid var(--grid); }
th:last-child, td:last-child { padding-right: 0; }
tr:last-child td, tr:last-child th[scope=row] { border-bottom: 0; }
th[scope=row] {
  color: var(--ink); font-weight: 600; font-size: 15px; vertical-align: baseline; max-width: 16em;
  overflow-wrap: break-word;
}
td { vertical-align: baseline; overflow-wrap: anywhere; }
.number { text-align: right; white-space: nowrap; }
.bar-column { width: 34%; min-width: 90px; }
.bar-ends { display: flex; justify-content: space-between; gap: 4px; white-space: nowrap; }
.bar { display: block; height: 10px; border-radius: 3px; background: var(--empty); overflow: hidden; }
.bar i { display: block; height: 100%; background: var(--training); border-radius: 3px; }
.config th[scope=row] { width: 45%; font-weight: 400; color: var(--muted); }
.mistakes {
  list-style: none; margin: 16px 0 0; padding: 0; display: grid; gap: 18px 14px;
  grid-template-columns: repeat(auto-fill, minmax(84px, 1fr));
}
.mistakes.named { grid-template-columns: repeat(auto-fill, minmax(132px, 1fr)); }
.mistakes li { break-inside: avoid; line-height: 1.35; font-size: 15px; min-width: 0; }
.mistakes img, .mistakes svg {
  display: block; width: 100%; max-width: 112px; aspect-ratio: 1; height: auto; border-radius: 6px;
  border: 1px solid var(--grid); margin-bottom: 6px;
}
.mistakes img { object-fit: contain; background: #fff; image-rendering: pixelated; }
.mistakes b { font-weight: 600; overflow-wrap: anywhere; }
.mistakes span { display: block; color: var(--muted); font-size: 14px; }
@media screen and (prefers-color-scheme: dark) { .mistakes img.inked { filter: invert(.9); border-color: #d6cec3; } }
pre {
  background: var(--empty); border-radius: 8px; padding: 10px 14px; white-space: pre-wrap; overflow-wrap: anywhere;
  font: 14px/1.5 ui-monospace, 'IBM Plex Mono', Menlo, Consolas, monospace;
}
.command { margin-top: 14px; }
.command p { margin-bottom: 6px; }
footer { color: var(--muted); font-size: 14px; margin-top: 32px; }
@media screen and (max-width: 760px) {
  main { padding: 24px 16px; }
  .pair, .scores { grid-template-columns: minmax(0, 1fr); }
  .card { padding: 16px 14px; }
  .score { display: flex; justify-content: space-between; align-items: baseline; gap: 12px; padding: 10px 14px; }
  .score dd { font-size: 17px; text-align: right; }
  .scores { gap: 8px; }
  .facts { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  th, td { padding-right: 12px; }
  .most { display: none; }
  .bar-column { min-width: 84px; }
}
@media print {
  @page { margin: 14mm; }
  body { background: none; font-size: 13px; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  main { max-width: none; padding: 0; }
  .card { padding: 14px; }
  .score dd { font-size: 15px; }
  .mistakes { grid-template-columns: repeat(10, minmax(0, 1fr)); gap: 10px; }
  .mistakes.named { grid-template-columns: repeat(6, minmax(0, 1fr)); }
  .card.long { break-inside: auto; }
  tr { break-inside: avoid; }
}
`;
