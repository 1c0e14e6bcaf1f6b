import { escaped } from "../../src/markup.ts"

/** Lines over two axes, as an SVG that is a file of its own. */

export interface Series {
  readonly name: string
  readonly points: readonly (readonly [x: number, y: number])[]
  /** A model or a comparison: drawn with dashes. */
  readonly dashed?: boolean
}

export interface Chart {
  readonly title: string
  readonly x: string
  readonly y: string
  /** Whether the axes are logarithmic, where equal distances are equal factors. */
  readonly logarithmic: boolean
  readonly series: readonly Series[]
}

const WIDTH = 720
const HEIGHT = 400
const FRAME = { left: 70, right: 190, top: 40, bottom: 50 }
/** Told apart without colours too, by their labels. */
const COLOURS = ["#0b62a4", "#c0392b", "#1e8449", "#8e44ad", "#b9770e", "#34495e"]
const LABEL_HEIGHT = 15

type Scale = (value: number) => number

export function lineChart(chart: Chart): string {
  const points = chart.series.flatMap((series) => series.points)
  const xs = axis(
    points.map(([x]) => x),
    chart.logarithmic,
  )
  const ys = axis(
    points.map(([, y]) => y),
    chart.logarithmic,
  )
  const right = WIDTH - FRAME.right
  const bottom = HEIGHT - FRAME.bottom
  const x: Scale = (value) => FRAME.left + xs.share(value) * (right - FRAME.left)
  const y: Scale = (value) => bottom - ys.share(value) * (bottom - FRAME.top)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" role="img" aria-label="${escaped(chart.title)}">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    text(FRAME.left, 22, chart.title, `font-size="14" font-weight="bold"`),
    text((FRAME.left + right) / 2, HEIGHT - 12, chart.x, `text-anchor="middle"`),
    text(
      0,
      0,
      chart.y,
      `text-anchor="middle" transform="translate(16 ${(FRAME.top + bottom) / 2}) rotate(-90)"`,
    ),
    ...xs.ticks.map((tick) => line(x(tick), FRAME.top, x(tick), bottom)),
    ...xs.ticks.map((tick) => text(x(tick), bottom + 16, short(tick), `text-anchor="middle"`)),
    ...ys.ticks.map((tick) => line(FRAME.left, y(tick), right, y(tick))),
    ...ys.ticks.map((tick) => text(FRAME.left - 6, y(tick) + 4, short(tick), `text-anchor="end"`)),
    ...drawn(chart.series, x, y, right),
    "</svg>",
    "",
  ].join("\n")
}

function drawn(series: readonly Series[], x: Scale, y: Scale, right: number): string[] {
  const ends = series.map(({ points }) => y(points.at(-1)?.[1] ?? 0))
  const labels = apart(ends)
  return series.flatMap(({ name, points, dashed = false }, i) => {
    const colour = COLOURS[i % COLOURS.length] as string
    const path = points.map(([px, py]) => `${x(px).toFixed(1)},${y(py).toFixed(1)}`).join(" ")
    const dashes = dashed ? ` stroke-dasharray="5 4"` : ""
    return [
      `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"${dashes}/>`,
      ...points.map(
        ([px, py]) => `<circle cx="${x(px).toFixed(1)}" cy="${y(py).toFixed(1)}" r="3" fill="${colour}"/>`,
      ),
      text(right + 8, (labels[i] as number) + 4, name, `fill="${colour}"`),
    ]
  })
}

/** Moves labels down until none covers another. */
function apart(heights: readonly number[]): number[] {
  const placed = [...heights]
  const order = heights.map((_, i) => i).sort((a, b) => (heights[a] as number) - (heights[b] as number))
  for (const [rank, i] of order.entries()) {
    const above = placed[order[rank - 1] ?? -1]
    if (above !== undefined) placed[i] = Math.max(placed[i] as number, above + LABEL_HEIGHT)
  }
  return placed
}

function axis(values: readonly number[], logarithmic: boolean): { ticks: number[]; share: Scale } {
  const [low, high] = [Math.min(...values), Math.max(...values)]
  if (logarithmic) {
    const [from, to] = [
      Math.floor(Math.log10(low)),
      Math.max(Math.ceil(Math.log10(high)), Math.floor(Math.log10(low)) + 1),
    ]
    const ticks = Array.from({ length: to - from + 1 }, (_, i) => 10 ** (from + i))
    return { ticks, share: (value) => (Math.log10(value) - from) / (to - from) }
  }
  const step = niceStep(high / 5)
  const top = Math.ceil(high / step) * step
  const ticks = Array.from({ length: Math.round(top / step) + 1 }, (_, i) => i * step)
  return { ticks, share: (value) => value / top }
}

/** 1, 2 or 5 times a power of ten. */
function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough))
  return ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power
}

function line(x1: number, y1: number, x2: number, y2: number): string {
  return `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" stroke="#ddd"/>`
}

function text(x: number, y: number, content: string, attributes = ""): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${escaped(content)}</text>`
}

function short(value: number): string {
  if (value >= 1e6) return `${value / 1e6}M`
  return value >= 10_000 ? `${value / 1000}k` : `${Number(value.toPrecision(3))}`
}
