import { openStore } from "../../src/store/open.ts"
import { describeStore } from "./conformance.ts"
import { temporaryDirectory } from "./files.ts"
import { migrations } from "./tables.ts"

describeStore("SQLite", async () => {
  const directory = temporaryDirectory()
  const store = await openStore({ file: `${directory.path}/store.sqlite`, migrations })
  return {
    store,
    async dispose() {
      await store.close()
      directory[Symbol.dispose]()
    },
  }
})

describeStore("SQLite, scrubbed before every answer, one unit in each epoch", async () => {
  const directory = temporaryDirectory()
  const file = `${directory.path}/store.sqlite`
  const store = await openStore({ file, migrations, scrubDelayMs: 0, epochRowsMax: 1 })
  return {
    store,
    async dispose() {
      await store.close()
      directory[Symbol.dispose]()
    },
  }
})
