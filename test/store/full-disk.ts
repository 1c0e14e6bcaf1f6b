/**
 * A process whose files may not grow beyond a limit that its parent set: writes until that fails, then tells what
 * became of the failed unit and of the next one. Arguments: directory.
 */
import { join } from "node:path"
import { put } from "../../src/store/database.ts"
import { openStore } from "../../src/store/open.ts"
import { randomBytes } from "./files.ts"
import { entries, migrations } from "./tables.ts"

process.on("SIGXFSZ", () => undefined)
let written = 0
let faults = 0
const store = await openStore({
  file: join(process.argv[2] as string, "store.sqlite"),
  migrations,
  scrubDelayMs: 2 ** 30,
  logBytesMax: 2 ** 30,
  fault: () => faults++,
})
const write = () => {
  const row = { tag: randomBytes(16), body: randomBytes(1000) }
  return store.writer.submit({ expects: [], effects: () => [put(entries, row)] })
}
try {
  for (;;) {
    await write()
    written++
  }
} catch (error) {
  const next = await write().then(
    () => "written",
    (refusal: unknown) => String(refusal),
  )
  console.log(JSON.stringify({ written, readable: store.count(entries), error: String(error), next, faults }))
}
process.kill(process.pid, "SIGKILL")
