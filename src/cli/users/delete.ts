import { ConfigError } from "../../config/config.ts"
import { parseUserId } from "../../wire/user-id.ts"
import { administer } from "../administer.ts"
import { json } from "../args.ts"
import { report } from "../report.ts"
import { settingsFrom, whichServer } from "../server-settings.ts"
import { strictCommand } from "../strict.ts"

export const deleteUser = strictCommand({
  meta: {
    name: "cinder users delete",
    description:
      "Deletes an account as its user could: record, clients, packages, profile and connection queues. Messages come on to their clients, because the server does not know which pseudonym and which groups are theirs: use cinder keys revoke as well if others should notice. There is no way back.",
  },
  args: {
    user: { type: "positional", required: true, description: "the user id, UUID@domain" },
    ...whichServer,
    yes: { type: "boolean", description: "says that this is meant; without it nothing is deleted" },
    json,
  },
  async run({ _: words, user, yes, json: asJson, ...given }) {
    const config = settingsFrom(given)
    requireUserOf(config.domain, user)
    if (yes !== true)
      throw new ConfigError(`nothing was deleted: give --yes as well if ${user} is to be gone for good`)
    if (!(await administer(config, (server) => server.deleteUser(user))))
      throw new ConfigError(`there is no user ${user}`)
    const advice = [
      `Members of its groups still see it: cinder keys revoke --secrets ${config.secretsFile} --user ${user} tells them.`,
    ]
    report({ headline: `deleted ${user}`, facts: { user, deleted: true }, advice }, asJson === true)
  },
})

function requireUserOf(domain: string, user: string): void {
  let home: string | undefined
  try {
    home = parseUserId(user).domain
  } catch {
    throw new ConfigError(`a user id is UUID@${domain}, in lower case`)
  }
  if (home !== domain) throw new ConfigError(`${user} is not a user of ${domain}`)
}
