import {
  type AuthorityDescription,
  describeAuthority,
  formatFingerprint,
} from "../../config/authority/description.ts"
import { authorityWarnings } from "../../config/authority/warnings.ts"
import { changeAuthority } from "../../config/secrets-file.ts"
import { nativeCrypto as crypto } from "../../crypto/native.ts"
import { json, secondsNow, secrets } from "../args.ts"
import { strictCommand } from "../strict.ts"

export const show = strictCommand({
  meta: {
    name: "cinder keys show",
    description:
      "Shows which credentials the secrets hold, and never a key. Roots, intermediates and which of them signs, when they end, their fingerprints, what is revoked, and whether the root's key is there.",
  },
  args: { secrets, json },
  run({ secrets: file, json: asJson }) {
    const { described, warnings } = changeAuthority(crypto, file, (authority, domain) => {
      const warnings = authorityWarnings(authority, { file, managed: false }, secondsNow())
      return { authority, result: { described: describeAuthority(crypto, domain, authority), warnings } }
    })
    if (asJson === true) console.log(JSON.stringify(described))
    else for (const line of lines(described)) console.log(line)
    for (const warning of warnings) console.error(`cinder: warning: ${warning}`)
  },
})

function lines({
  domain,
  rootSeed,
  requestPending,
  roots,
  intermediates,
  revoked,
}: AuthorityDescription): string[] {
  const key = rootSeed ? "in these secrets" : "offline"
  return [
    `${domain}; the root's key is ${key}${requestPending ? "; a request waits for its answer" : ""}`,
    ...roots.flatMap(({ fingerprint, notAfter, endorsedBy, revoked }) => [
      `root            ${formatFingerprint(fingerprint)}`,
      `                until ${notAfter}${endorsedBy === null ? "" : ", endorsed by the one before"}${mark(revoked)}`,
    ]),
    ...intermediates.flatMap(({ fingerprint, notAfter, signs, revoked }) => [
      `intermediate    ${formatFingerprint(fingerprint)}`,
      `                until ${notAfter}${signs ? ", signs now" : ""}${mark(revoked)}`,
    ]),
    ...revoked.flatMap(({ fingerprint, until }) => [
      `revoked         ${formatFingerprint(fingerprint)}`,
      `                what it names ends by ${until}`,
    ]),
  ]
}

function mark(revoked: boolean): string {
  return revoked ? ", revoked" : ""
}
