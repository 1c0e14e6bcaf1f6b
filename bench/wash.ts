import { rmSync } from "node:fs"
import { join } from "node:path"
import type { Options, Result } from "./harness.ts"
import { temporaryDirectory } from "./homeserver.ts"
import { startServerProcess } from "./server-process.ts"
import { measureSends, prepareGroup, type Run, results, unpaid } from "./tokens.ts"

/** What washing the memory costs messages: sends to a server that does, and to one that does not, in turns. */

const UNWASHED = [process.execPath, join(import.meta.dir, "unwashed.ts")]

export async function benchWash(options: Options): Promise<readonly Result[]> {
  const directory = temporaryDirectory()
  try {
    const group = await prepareGroup(directory)
    const without: Run[] = []
    const washed: Run[] = []
    for (let run = 0; run < options.runs; run++) {
      const start = (program?: readonly string[]) => startServerProcess(directory, "off", program)
      without.push(await measureSends(await start(UNWASHED), () => unpaid(group), options))
      washed.push(await measureSends(await start(), () => unpaid(group), options))
    }
    return [...results("not washing", without), ...results("washing", washed, without)]
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
