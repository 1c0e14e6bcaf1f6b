import { defineCommand } from "citty"
import { ConfigError } from "../config/config.ts"
import { wipeSecrets } from "../config/secrets.ts"
import { readSecrets } from "../config/secrets-file.ts"
import { environmentName } from "../config/settings.ts"
import { nativeCrypto as crypto } from "../crypto/native.ts"
import { INVITATION_DAYS_MAX, INVITATIONS_PER_COMMAND_MAX } from "../limits.ts"
import { dayOf, formatInvitation, makeInvitation, startOfDay } from "../wire/invitation.ts"

export const invite = defineCommand({
  meta: {
    name: "cinder invite",
    description:
      "Prints invitation codes for a server with --registration invitation, which may run meanwhile. Each lets one user register.",
  },
  args: {
    secrets: {
      type: "string",
      description: `the secrets file of the server; or ${environmentName("secrets")}`,
    },
    count: {
      type: "string",
      default: "1",
      description: `how many codes, up to ${INVITATIONS_PER_COMMAND_MAX}`,
    },
    days: {
      type: "string",
      default: "30",
      description: `for how many days they are good beside today, up to ${INVITATION_DAYS_MAX}`,
    },
    json: { type: "boolean", default: false, description: "prints a JSON document" },
  },
  run({ args }) {
    const { _: words, secrets, count, days, json, ...others } = args
    const [unknown] = [...Object.keys(others).map((name) => `--${name}`), ...words]
    if (unknown !== undefined) throw new ConfigError(`invite does not know what ${unknown} is`)
    const file = secrets ?? process.env[environmentName("secrets")]
    if (file === undefined) throw new ConfigError("invite needs the server's secrets file: set --secrets")
    const wanted = wholeNumber("count", count, INVITATIONS_PER_COMMAND_MAX)
    const lastDay = dayOf(Date.now() / 1000) + wholeNumber("days", days, INVITATION_DAYS_MAX)
    print(makeCodes(file, wanted, lastDay), lastDay, json)
  },
})

function wholeNumber(name: string, text: string, max: number): number {
  const number = /^[0-9]{1,6}$/.test(text) ? Number(text) : 0
  if (number < 1 || number > max) {
    throw new ConfigError(`${name} must be a whole number from 1 to ${max}; it is ${JSON.stringify(text)}`)
  }
  return number
}

function makeCodes(file: string, count: number, lastDay: number): string[] {
  const { secrets } = readSecrets(crypto, file)
  try {
    return Array.from({ length: count }, () =>
      formatInvitation(makeInvitation(crypto, secrets.invitationKey, lastDay)),
    )
  } finally {
    wipeSecrets(secrets)
  }
}

/** Codes go to the output, one a line, and what is said about them to the other one. */
function print(codes: readonly string[], lastDay: number, json: boolean): void {
  const goodThrough = new Date(startOfDay(lastDay)).toISOString().slice(0, 10)
  if (json) {
    console.log(JSON.stringify({ invitations: codes, goodThrough }))
    return
  }
  for (const code of codes) console.log(code)
  console.error(`good through ${goodThrough} (UTC), each for one registration`)
}
