import { rotateSecret } from "../../config/rotation.ts"
import { changeSecrets } from "../../config/secrets-file.ts"
import { nativeCrypto as crypto } from "../../crypto/native.ts"
import { json, secrets } from "../args.ts"
import { report } from "../report.ts"
import { strictCommand } from "../strict.ts"
import { KEPT_KEYS, named, RESTART_ADVICE, ROTATED_SECRETS } from "./names.ts"

export const rotate = strictCommand({
  meta: {
    name: "cinder secrets rotate",
    description:
      "Makes one of the secrets anew. Keys that have sealed something stay beside the new one and go on opening it, up to eight of a kind. A new push-seed ends the push subscriptions of all clients, until they subscribe anew.",
  },
  args: {
    secret: {
      type: "positional",
      required: true,
      description: `one of ${Object.keys(ROTATED_SECRETS).join(", ")}`,
    },
    secrets,
    json,
  },
  run({ secret, secrets: file, json: asJson }) {
    const rotated = named(ROTATED_SECRETS, secret)
    changeSecrets(crypto, file, (before) => rotateSecret(crypto, before, rotated))
    const kept = Object.hasOwn(KEPT_KEYS, secret)
    report(
      {
        headline: `${file} has new ${secret}`,
        facts: { secret, olderKept: kept },
        advice: [
          RESTART_ADVICE,
          ...(kept ? [`When nothing needs the older ones any more: cinder secrets retire ${secret}`] : []),
        ],
      },
      asJson === true,
    )
  },
})
