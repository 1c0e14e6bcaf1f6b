import { retireKeys } from "../../config/rotation.ts"
import { changeSecrets } from "../../config/secrets-file.ts"
import { nativeCrypto as crypto } from "../../crypto/native.ts"
import { json, secrets } from "../args.ts"
import { report } from "../report.ts"
import { strictCommand } from "../strict.ts"
import { KEPT_KEYS, named, RESTART_ADVICE } from "./names.ts"

export const retire = strictCommand({
  meta: {
    name: "cinder secrets retire",
    description:
      "Destroys all keys of a kind but the newest, and with them whatever only they open. For slot keys that is nothing, once the server has run for two days with the newest one. For queue-config-keys it is the queue configs of clients that have not replaced theirs since.",
  },
  args: {
    secret: {
      type: "positional",
      required: true,
      description: `one of ${Object.keys(KEPT_KEYS).join(", ")}`,
    },
    secrets,
    json,
  },
  run({ secret, secrets: file, json: asJson }) {
    const retired = named(KEPT_KEYS, secret)
    changeSecrets(crypto, file, (before) => retireKeys(before, retired))
    report(
      {
        headline: `${file} has only the newest ${secret}`,
        facts: { secret },
        advice: ["Copies and backups from before still hold the older ones.", RESTART_ADVICE],
      },
      asJson === true,
    )
  },
})
