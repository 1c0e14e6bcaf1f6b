import { readdirSync, readFileSync } from "node:fs"
import { cpus } from "node:os"
import { join, relative } from "node:path"

/** CPU profiles as `bun --cpu-prof` writes them, as tables of text. */

const ROOT = join(import.meta.dir, "..")
const LINES = 45
/** While the thread waits, no samples are taken: a longer pause between two of them was idle. */
const SAMPLE_MICROSECONDS_MAX = 4000

/** The parts of a profile in the form of Chrome's that are needed. */
export interface Profile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
    readonly children?: readonly number[]
  }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

/** What is shown of a profile. */
export interface View {
  readonly title: string
  /** Samples before are left out. */
  readonly fromMicroseconds: number
  /** Only samples of which a function whose name in the table begins so is a caller. */
  readonly within?: string
}

export function readProfile(directory: string): Profile {
  const name = readdirSync(directory).find((file) => file.endsWith(".cpuprofile"))
  if (name === undefined) throw new Error("Bun wrote no profile")
  return JSON.parse(readFileSync(join(directory, name), "utf8")) as Profile
}

interface Line {
  readonly name: string
  self: number
  total: number
}

export function profileTable(profile: Profile, view: View): string {
  const lines = linesOf(profile, view)
  const busy = lines.reduce((sum, { self }) => sum + self, 0)
  const row = ({ name, self, total }: Line) =>
    `${share(self, busy).padStart(7)} ${share(total, busy).padStart(7)}  ${name}`
  const bySelf = [...lines].sort((a, b) => b.self - a.self).slice(0, LINES)
  const byTotal = [...lines].sort((a, b) => b.total - a.total).slice(0, LINES)
  return [
    `${view.title}: Bun ${Bun.version}, ${cpus()[0]?.model ?? "unknown"}, ${(busy / 1e6).toFixed(1)} s of samples.`,
    "Shares of the samples; native functions count to whoever calls them or by their own name.",
    "",
    "By self time:",
    "   self   total",
    ...bySelf.map(row),
    "",
    "By total time:",
    "   self   total",
    ...byTotal.map(row),
    "",
  ].join("\n")
}

function share(part: number, all: number): string {
  return `${((100 * part) / all).toFixed(1)} %`
}

/** Self and total time of each function; one that calls itself counts once. */
function linesOf({ nodes, samples, timeDeltas }: Profile, { fromMicroseconds, within }: View): Line[] {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]))
  const parents = new Map(
    nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)),
  )
  const lines = new Map<string, Line>()
  const lineOf = (name: string): Line => {
    const line = lines.get(name) ?? { name, self: 0, total: 0 }
    lines.set(name, line)
    return line
  }
  let now = 0
  for (const [i, id] of samples.entries()) {
    const passed = timeDeltas[i] ?? 0
    now += passed
    if (now < fromMicroseconds) continue
    const callers = new Set<string>()
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at))
      callers.add(names.get(at) ?? "")
    if (within !== undefined && ![...callers].some((name) => name.startsWith(within))) continue
    const time = Math.min(passed, SAMPLE_MICROSECONDS_MAX)
    lineOf(names.get(id) ?? "").self += time
    for (const name of callers) lineOf(name).total += time
  }
  return [...lines.values()]
}

function nameOf({ functionName, url, lineNumber }: Profile["nodes"][number]["callFrame"]): string {
  const place = url.replace(/^file:\/\//, "")
  const file = place.startsWith(ROOT) ? relative(ROOT, place) : place
  return `${functionName || "(anonymous)"}${file === "" ? "" : `  ${file}:${lineNumber + 1}`}`
}
