import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join, relative } from "node:path"
import { allocationTable } from "./allocations.ts"
import { type Profile, profileTable, readProfile } from "./cpu-profile.ts"
import { AT_ONCE } from "./fan-out.ts"
import { temporaryDirectory } from "./homeserver.ts"
import { type Cast, Stage } from "./load/stage.ts"

/**
 * `npm run bench:profile -- [NAME]`: where the server's processor time goes, and who allocates, under the loads that have targets. One
 * table each, as text in docs/performance. NAME is put into the files' names, such as `before`.
 */

const ROOT = join(import.meta.dir, "..")
const FOLDER = join(ROOT, "docs/performance")
const SECONDS = 8
/** The server's start and the pause after it. */
const START_MICROSECONDS = 1.5e6
const NAME = process.argv[2] ?? "latest"

const loads = {
  "fan-out-100": { recipients: 100, listens: true, atOnce: AT_ONCE },
  "fan-out-10": { recipients: 10, listens: true, atOnce: AT_ONCE },
  "send-2": { recipients: 1, listens: false, atOnce: 16 },
} as const

mkdirSync(FOLDER, { recursive: true })
for (const [load, { recipients, listens, atOnce }] of Object.entries(loads)) {
  const profile = await serverProfile(recipients, listens, atOnce)
  const title = `The server's main thread under ${load}`
  write(`profile-${load}`, profileTable(profile, { title, fromMicroseconds: START_MICROSECONDS }))
}
const title = "Path commits and Adds at 1 000 members, until they are submitted"
const within = "prepare  src/ds/commit.ts"
write("profile-commit-1000", profileTable(commitProfile(), { title, fromMicroseconds: 0, within }))
write("allocations", await allocationTable())

function write(subject: string, text: string): void {
  const file = join(FOLDER, `${subject}-${NAME}.txt`)
  writeFileSync(file, text)
  console.log(`wrote ${relative(ROOT, file)}`)
}

/** What the server does while messages are sent to so many recipients. */
async function serverProfile(recipients: number, listens: boolean, atOnce: number): Promise<Profile> {
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
  return takeProfile(directory)
}

/** Of a short run of the benchmark, in one process with it: only what is within the delivery service counts. */
function commitProfile(): Profile {
  const directory = temporaryDirectory()
  const flags = ["--cpu-prof", "--cpu-prof-dir", directory, "--cpu-prof-interval", "200"]
  const command = [...flags, join(import.meta.dir, "main.ts"), "--short", "--only", "commit-state"]
  Bun.spawnSync([process.execPath, ...command], { stdout: "ignore" })
  return takeProfile(directory)
}

function takeProfile(directory: string): Profile {
  const profile = readProfile(directory)
  rmSync(directory, { recursive: true, force: true })
  return profile
}
