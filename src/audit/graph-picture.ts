import type { Edge, SocialGraph } from "./attacks/social-graph.ts"

const WIDTH = 640
const HEIGHT = 320
const RADIUS = 140
const DOT_RADIUS = 3

/** Two circles of people, side by side, as SVG: with the lines that there are, and with those that were guessed. */
export function graphPicture({ people, truth, guessed }: SocialGraph): string {
  const isTrue = new Set(truth.map(String))
  const right = guessed.filter((edge) => isTrue.has(String(edge))).length
  const label = `${people} people, ${truth.length} pairs in one group; of as many guesses ${right} are right`
  const left = circle(people, WIDTH / 4, truth, () => "")
  const other = circle(people, (3 * WIDTH) / 4, guessed, (edge) =>
    isTrue.has(String(edge)) ? "right" : "wrong",
  )
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${label}">${left}${other}</svg>`
}

function circle(
  people: number,
  centre: number,
  edges: readonly Edge[],
  kind: (edge: Edge) => string,
): string {
  const at = (person: number): [string, string] => {
    const angle = (2 * Math.PI * person) / people
    return [
      (centre + RADIUS * Math.cos(angle)).toFixed(1),
      (HEIGHT / 2 + RADIUS * Math.sin(angle)).toFixed(1),
    ]
  }
  const lines = edges.map((edge) => {
    const [[x1, y1], [x2, y2]] = [at(edge[0]), at(edge[1])]
    return `<line class="${kind(edge)}" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"/>`
  })
  const dots = Array.from({ length: people }, (_, person) => {
    const [x, y] = at(person)
    return `<circle cx="${x}" cy="${y}" r="${DOT_RADIUS}"/>`
  })
  return [...lines, ...dots].join("")
}
