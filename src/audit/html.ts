import { escaped } from "../markup.ts"
import type { SocialGraph } from "./attacks/social-graph.ts"
import type { Audit } from "./audit.ts"
import { holds } from "./audit.ts"
import { barChart } from "./chart.ts"
import { graphPicture } from "./graph-picture.ts"
import { amountOf } from "./text.ts"

/** The report as one page for people: pictures first, no script, nothing from elsewhere. */
export function asHtml(audit: Audit): string {
  const verdict = holds(audit)
    ? `<p class="verdict ok">The promise holds: every attempt to learn more came to nothing.</p>`
    : `<p class="verdict leak">The promise does not hold.</p>`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>What a snapshot shows</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>What a snapshot shows</h1>
<p>Somebody takes the server's files: ${audit.directories.map((path) => `<code>${escaped(path)}</code>`).join(", ")}. This is what they learn.</p>
${verdict}
${pictures(audit)}
<h2>What they can see, as promised</h2>
<table>${audit.seen.map(({ what, count }) => `<tr><td class="number">${count}</td><td>${escaped(what)}</td></tr>`).join("")}</table>
<h2>What they try to learn beyond it</h2>
${audit.findings.map(section).join("\n")}
</main>
</body>
</html>
`
}

function pictures({ seen, findings, graph }: Audit): string {
  const sizes = seen.flatMap(({ what, count }) => {
    const bytes = /^sealed records of (\d+) bytes$/.exec(what)?.[1]
    return bytes === undefined ? [] : [{ label: `${Math.floor(Number(bytes) / 1024)} KiB`, value: count }]
  })
  const attempts = findings.map(({ id, pass, measure, chance }) => {
    return { label: id, value: pass ? 0 : 1 + Math.log2(1 + Math.abs(measure.value - chance)), alarm: !pass }
  })
  const groups =
    sizes.length === 0
      ? ""
      : figure(
          barChart(sizes),
          "All that is to be seen of groups: how many of their records have which length.",
        )
  return `${graph === undefined ? "" : graphFigure(graph)}
${groups}
${figure(barChart(attempts), "What each attempt to learn more came to; the larger the leak the longer the bar, each in its own unit, logarithmic. No bar: nothing.")}`
}

function graphFigure(graph: SocialGraph): string {
  return figure(
    graphPicture(graph),
    "Who is in a group with whom: as it is, and as the adversary would draw it, with as many lines. Green lines are right, red ones wrong. Some are right by chance.",
  )
}

function figure(svg: string, caption: string): string {
  return `<figure>${svg}<figcaption>${escaped(caption)}</figcaption></figure>`
}

function section({ id, pass, question, words, measure, unit, details }: Audit["findings"][number]): string {
  const list = details.map((detail) => `<li>${escaped(detail)}</li>`).join("")
  return `<section class="${pass ? "ok" : "leak"}">
<h3>${escaped(question)} <span>${pass ? "No" : "Yes"}</span></h3>
<p>${escaped(words)}</p>
<p class="measure"><code>${escaped(id)}</code>: ${escaped(amountOf(measure, unit))}</p>
${list === "" ? "" : `<ul>${list}</ul>`}
</section>`
}

const STYLE = `
:root { color-scheme: light dark; --ok: #187a3d; --leak: #c0272d; --line: #8884; }
@media (prefers-color-scheme: dark) { :root { --ok: #5fd38d; --leak: #ff8a8f; } }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; }
main { max-width: 46rem; margin: 0 auto; padding: 1rem; }
figure { margin: 1.5rem 0; }
figcaption { opacity: .75; }
svg { width: 100%; height: auto; }
svg text { font: 12px system-ui, sans-serif; fill: currentColor; }
svg .bar { fill: var(--ok); }
svg .bar.alarm { fill: var(--leak); }
svg line { stroke: currentColor; opacity: .5; }
svg line.right { stroke: var(--ok); }
svg line.wrong { stroke: var(--leak); }
svg circle { fill: currentColor; }
.verdict { font-size: 1.25rem; font-weight: 600; }
.verdict.ok, section.ok h3 span { color: var(--ok); }
.verdict.leak, section.leak h3 span { color: var(--leak); }
table { border-collapse: collapse; }
td { padding: .1rem .75rem .1rem 0; border-bottom: 1px solid var(--line); }
.number { text-align: right; font-variant-numeric: tabular-nums; }
section { border-left: 4px solid var(--line); padding-left: 1rem; margin: 1rem 0; }
section.leak { border-color: var(--leak); }
h3 { margin: 0; font-size: 1rem; }
h3 span { float: right; }
section p { margin: .25rem 0; }
.measure { opacity: .75; }
`
