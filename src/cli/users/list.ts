import { administer } from "../administer.ts"
import { json } from "../args.ts"
import { settingsFrom, whichServer } from "../server-settings.ts"
import { strictCommand } from "../strict.ts"

export const list = strictCommand({
  meta: {
    name: "cinder users list",
    description:
      "Prints all users, one a line, each with the number of its clients. They come in the order of their ids, which are random: the server does not know who came first.",
  },
  args: { ...whichServer, json },
  async run({ _: words, json: asJson, ...given }) {
    const users = await administer(settingsFrom(given), (server) => server.listUsers())
    if (asJson === true) console.log(JSON.stringify({ users }))
    else for (const { user, clients } of users) console.log(`${user}  ${clients}`)
  },
})
