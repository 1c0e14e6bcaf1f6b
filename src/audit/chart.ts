import { escaped } from "../markup.ts"

export interface Bar {
  readonly label: string
  readonly value: number
  readonly alarm?: boolean
}

const WIDTH = 640
const LABEL_WIDTH = 130
const ROW_HEIGHT = 22

/** Horizontal bars, one below the other, as SVG. */
export function barChart(bars: readonly Bar[]): string {
  const most = Math.max(...bars.map(({ value }) => value), Number.MIN_VALUE)
  const rows = bars.map(({ label, value, alarm = false }, index) => {
    const y = index * ROW_HEIGHT
    const length = Math.max(value > 0 ? 2 : 0, (value / most) * (WIDTH - LABEL_WIDTH))
    return `<text x="${LABEL_WIDTH - 8}" y="${y + 15}" text-anchor="end">${escaped(label)}</text><rect class="bar${alarm ? " alarm" : ""}" x="${LABEL_WIDTH}" y="${y + 4}" width="${length.toFixed(1)}" height="14"/>`
  })
  const title = bars.map(({ label, value }) => `${label}: ${value}`).join("; ")
  return `<svg viewBox="0 0 ${WIDTH} ${bars.length * ROW_HEIGHT}" role="img" aria-label="${escaped(title)}">${rows.join("")}</svg>`
}
