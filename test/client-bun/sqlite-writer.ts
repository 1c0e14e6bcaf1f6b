/** A process that writes rounds into the SQLite store of a file until it is killed, and prints the number of each. */
import { writeSync } from "node:fs"
import { sqliteStore } from "../../src/client-bun/sqlite-store.ts"
import { writeRounds } from "../client/store-rounds.ts"

await writeRounds(await sqliteStore(process.argv[2] as string), (round) => writeSync(1, `${round}\n`))
