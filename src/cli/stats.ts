import { administer } from "./administer.ts"
import { json } from "./args.ts"
import { settingsFrom, whichServer } from "./server-settings.ts"
import { strictCommand } from "./strict.ts"

export const stats = strictCommand({
  meta: {
    name: "cinder stats",
    description:
      "Prints how much there is of everything, in the words of cinder audit: it is all that whoever takes the data can count, and so all that you can. Asks the server if it runs, and reads the files if it does not.",
  },
  args: { ...whichServer, json },
  async run({ _: words, json: asJson, ...given }) {
    const seen = await administer(settingsFrom(given), (server) => server.stats())
    if (asJson === true) {
      console.log(JSON.stringify({ seen }))
      return
    }
    const width = Math.max(...seen.map(({ count }) => `${count}`.length))
    for (const { what, count } of seen) console.log(`${`${count}`.padStart(width)}  ${what}`)
  },
})
