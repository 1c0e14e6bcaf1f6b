import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { cpus } from "node:os"
import { join, relative } from "node:path"
import { allocationTable } from "./allocations.ts"
import { AT_ONCE } from "./fan-out.ts"
import { temporaryDirectory } from "./homeserver.ts"
import { type Cast, Stage } from "./load/stage.ts"

/**
 * `bun bench/profile.ts [NAME]`: where the server's processor time goes, and who allocates, under the loads that have targets. One
 * table each, as text in docs/performance. NAME is put into the files' names, such as `before`.
 */

const ROOT = join(import.meta.dir, "..")
const FOLDER = join(ROOT, "docs/performance")
const SECONDS = 8
const LINES = 45
/** The server's start and the pause after it. */
const START_MICROSECONDS = 1.5e6
/** While the thread waits, no samples are taken: a longer pause between two of them was idle. */
const SAMPLE_MICROSECONDS_MAX = 4000
const NAME = process.argv[2] ?? "latest"

/** The parts of a profile in the form of Chrome's that are needed. */
interface Profile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
    readonly children?: readonly number[]
  }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

const loads = {
  "fan-out-100": { recipients: 100, listens: true, atOnce: AT_ONCE },
  "fan-out-10": { recipients: 10, listens: true, atOnce: AT_ONCE },
  "send-2": { recipients: 1, listens: false, atOnce: 16 },
} as const

mkdirSync(FOLDER, { recursive: true })
for (const [load, { recipients, listens, atOnce }] of Object.entries(loads)) {
  write(`profile-${load}`, table(load, await profiled(recipients, listens, atOnce)))
}
write("allocations", await allocationTable())

function write(subject: string, text: string): void {
  const file = join(FOLDER, `${subject}-${NAME}.txt`)
  writeFileSync(file, text)
  console.log(`wrote ${relative(ROOT, file)}`)
}

/** What the server does while messages are sent to so many recipients. */
async function profiled(recipients: number, listens: boolean, atOnce: number): Promise<Profile> {
  const directory = temporaryDirectory()
  const flags = ["--cpu-prof", "--cpu-prof-dir", directory]
  const server = [process.execPath, ...flags, join(ROOT, "src/main.ts"), "serve"]
  const stage = await Stage.set([[recipients]], { command: server })
  try {
    const cast = stage.casts[0] as Cast
    const away = { talkers: cast.talkers.map((talker) => ({ ...talker, recipients: 0 })), listeners: [] }
    await stage.listen(listens ? cast : away)
    await stage.rounds(1000, atOnce, SECONDS * 1000)
  } finally {
    await stage.clear()
  }
  const name = readdirSync(directory).find((file) => file.endsWith(".cpuprofile"))
  if (name === undefined) throw new Error("Bun wrote no profile")
  const profile = JSON.parse(readFileSync(join(directory, name), "utf8")) as Profile
  rmSync(directory, { recursive: true, force: true })
  return profile
}

interface Line {
  readonly name: string
  self: number
  total: number
}

function table(load: string, profile: Profile): string {
  const lines = linesOf(profile)
  const busy = lines.reduce((sum, { self }) => sum + self, 0)
  const row = ({ name, self, total }: Line) =>
    `${share(self, busy).padStart(7)} ${share(total, busy).padStart(7)}  ${name}`
  const bySelf = [...lines].sort((a, b) => b.self - a.self).slice(0, LINES)
  const byTotal = [...lines].sort((a, b) => b.total - a.total).slice(0, LINES)
  return [
    `The server's main thread under ${load}: Bun ${Bun.version}, ${cpus()[0]?.model ?? "unknown"}, ${(busy / 1e6).toFixed(1)} s of samples.`,
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
function linesOf({ nodes, samples, timeDeltas }: Profile): Line[] {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const parents = new Map(
    nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)),
  )
  const lines = new Map<string, Line>()
  const lineOf = (id: number): Line => {
    const name = nameOf(byId.get(id)!.callFrame)
    const line = lines.get(name) ?? { name, self: 0, total: 0 }
    lines.set(name, line)
    return line
  }
  let now = 0
  for (const [i, id] of samples.entries()) {
    const passed = timeDeltas[i] ?? 0
    now += passed
    if (now < START_MICROSECONDS) continue
    const time = Math.min(passed, SAMPLE_MICROSECONDS_MAX)
    lineOf(id).self += time
    const callers = new Set<Line>()
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) callers.add(lineOf(at))
    for (const line of callers) line.total += time
  }
  return [...lines.values()]
}

function nameOf({ functionName, url, lineNumber }: Profile["nodes"][number]["callFrame"]): string {
  const place = url.replace(/^file:\/\//, "")
  const file = place.startsWith(ROOT) ? relative(ROOT, place) : place
  return `${functionName || "(anonymous)"}${file === "" ? "" : `  ${file}:${lineNumber + 1}`}`
}
