import { readSigned } from "../../config/authority/carried.ts"
import { installIntermediate } from "../../config/authority/ceremony.ts"
import { formatTime } from "../../config/authority/description.ts"
import { intermediateEnd } from "../../config/authority/rotation.ts"
import { changeAuthority } from "../../config/secrets-file.ts"
import { nativeCrypto as crypto } from "../../crypto/native.ts"
import { toHex } from "../../wire/bytes.ts"
import { credentialFingerprint } from "../../wire/revocation.ts"
import { json, RELOAD_ADVICE, secondsNow, secrets } from "../args.ts"
import { report } from "../report.ts"
import { strictCommand } from "../strict.ts"

export const install = strictCommand({
  meta: {
    name: "cinder keys install",
    description:
      "Puts a signed intermediate into the secrets. It signs new clients from then on; the ones before stay published until they end, so that nobody notices. What was signed for another server or another request is refused, and given twice it changes nothing.",
  },
  args: {
    secrets,
    credential: {
      type: "string",
      required: true,
      description: "the credential file that cinder keys sign made",
    },
    "new-root": {
      type: "boolean",
      description:
        "accept a root that none of the published ones vouches for. Clients that know the server will ask their users to compare the new root's fingerprint",
    },
    json,
  },
  run({ secrets: file, credential, "new-root": newRoot, json: asJson }) {
    const signed = readSigned(crypto, credential)
    const domain = changeAuthority(crypto, file, (authority, of) => {
      const options = { newRoot: newRoot === true, now: secondsNow() }
      return { authority: installIntermediate(crypto, authority, of, signed, options), result: of }
    })
    report(
      {
        headline: `installed the intermediate of ${domain} in ${file}`,
        facts: {
          root: toHex(credentialFingerprint(crypto, signed.root)),
          intermediate: toHex(credentialFingerprint(crypto, signed.intermediate)),
          notAfter: formatTime(intermediateEnd(signed.intermediate)),
        },
        advice: ["Compare the root's digits with those that you wrote down.", RELOAD_ADVICE],
      },
      asJson === true,
    )
  },
})
