import { createRoot, readRoot } from "../../config/authority/carried.ts"
import { makeRoot } from "../../config/authority/ceremony.ts"
import { formatTime } from "../../config/authority/description.ts"
import { rootEnd } from "../../config/authority/rotation.ts"
import { requireDomain } from "../../config/config.ts"
import { nativeCrypto as crypto } from "../../crypto/native.ts"
import { wipe } from "../../crypto/wipe.ts"
import { toHex } from "../../wire/bytes.ts"
import { credentialFingerprint } from "../../wire/revocation.ts"
import { json, secondsNow } from "../args.ts"
import { report } from "../report.ts"
import { strictCommand } from "../strict.ts"

export const root = strictCommand({
  meta: {
    name: "cinder keys root",
    description:
      "Makes a root: the key that everything a domain's users trust comes from. Run it on a machine that has no network, and keep the file there; it is needed about once a year, to sign a request of the server.",
  },
  args: {
    domain: { type: "string", required: true, description: "the server's domain, such as example.org" },
    out: { type: "string", required: true, description: "the root file to make, for you alone" },
    "endorsed-by": {
      type: "string",
      description:
        "the root file of the root before, which vouches for the new one, so that clients accept it",
    },
    json,
  },
  run({ domain, out, "endorsed-by": before, json: asJson }) {
    const now = secondsNow()
    const earlier = before === undefined ? undefined : readRoot(crypto, before)
    const made = makeRoot(crypto, requireDomain(domain), earlier, now)
    createRoot(crypto, out, made)
    wipe(made.seed, earlier?.seed)
    report(
      {
        headline: `made the root of ${domain} in ${out}`,
        facts: {
          fingerprint: toHex(credentialFingerprint(crypto, made.credential)),
          notAfter: formatTime(rootEnd(made.credential)),
          endorsedBy: earlier === undefined ? null : toHex(credentialFingerprint(crypto, earlier.credential)),
        },
        advice: [
          "Whoever has this file can pass for every user of the domain: keep it off the network, with a copy elsewhere.",
          "Write the fingerprint down: cinder keys install shows it on the server, and users can compare it.",
        ],
      },
      asJson === true,
    )
  },
})
