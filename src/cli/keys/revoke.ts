import { formatTime } from "../../config/authority/description.ts"
import {
  clientRevocation,
  credentialRevocation,
  userRevocation,
  withRevocation,
} from "../../config/authority/revocation.ts"
import type { AuthoritySecrets, Revocation } from "../../config/authority/secrets.ts"
import { ConfigError } from "../../config/config.ts"
import { changeAuthority } from "../../config/secrets-file.ts"
import { nativeCrypto as crypto } from "../../crypto/native.ts"
import { toHex } from "../../wire/bytes.ts"
import { json, RELOAD_ADVICE, secondsNow, secrets } from "../args.ts"
import { report } from "../report.ts"
import { strictCommand } from "../strict.ts"

export const revoke = strictCommand({
  meta: {
    name: "cinder keys revoke",
    description:
      "Revokes a user, one of a user's clients, or a single credential. The server refuses it from then on, and other clients do when they next ask, within about a day. Revoking a user or a client covers all credentials that it has; there is no way back.",
  },
  args: {
    fingerprint: {
      type: "positional",
      required: false,
      description:
        "SHA-256 of a credential in hexadecimal, such as an intermediate's that cinder keys show prints",
    },
    secrets,
    user: { type: "string", description: "a user, such as 1b4e28ba-2fa1-4d3b-a3f5-ef19b5a7633b@example.org" },
    client: { type: "string", description: "a client id, 64 hexadecimal digits" },
    json,
  },
  run({ secrets: file, fingerprint, user, client, json: asJson }) {
    const now = secondsNow()
    const revocation = changeAuthority(crypto, file, (before, domain) => {
      const made = revocationOf({ fingerprint, user, client }, before, domain, now)
      const result = { fingerprint: made.fingerprint.slice(), notAfter: made.notAfter }
      return { authority: withRevocation(crypto, before, made, now), result }
    })
    report(
      {
        headline: `revoked in ${file}`,
        facts: { fingerprint: toHex(revocation.fingerprint), until: formatTime(revocation.notAfter) },
        advice: [RELOAD_ADVICE],
      },
      asJson === true,
    )
  },
})

interface Named {
  readonly fingerprint: string | undefined
  readonly user: string | undefined
  readonly client: string | undefined
}

function revocationOf(named: Named, authority: AuthoritySecrets, domain: string, now: number): Revocation {
  const { fingerprint, user, client } = named
  if (Object.values(named).filter((one) => one !== undefined).length !== 1)
    throw new ConfigError("name one thing to revoke: a FINGERPRINT, --user or --client")
  if (user !== undefined) return userRevocation(crypto, user, domain, now)
  if (client !== undefined) return clientRevocation(crypto, client, now)
  return credentialRevocation(crypto, authority, fingerprint as string, now)
}
