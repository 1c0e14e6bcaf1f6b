import { describeAuthority } from "../../config/authority/description.ts"
import { withNewIntermediate, withNewRoot } from "../../config/authority/rotation.ts"
import { changeAuthority } from "../../config/secrets-file.ts"
import { nativeCrypto as crypto } from "../../crypto/native.ts"
import { json, RELOAD_ADVICE, secondsNow, secrets } from "../args.ts"
import { report } from "../report.ts"
import { strictCommand } from "../strict.ts"

export const rotate = strictCommand({
  meta: {
    name: "cinder keys rotate",
    description:
      "Makes a new intermediate now, or a new root. The root must be in the secrets; then the server makes new intermediates by itself, too, when half a year is left. What was there before stays published until it ends.",
  },
  args: {
    secrets,
    "new-root": {
      type: "boolean",
      description:
        "make a new root as well, for which the old one vouches; both are published, and clients accept the new one. The old root's key is destroyed",
    },
    json,
  },
  run({ secrets: file, "new-root": newRoot, json: asJson }) {
    const now = secondsNow()
    const rotated = newRoot === true ? withNewRoot : withNewIntermediate
    const described = changeAuthority(crypto, file, (before, domain) => {
      const authority = rotated(crypto, before, domain, now)
      return { authority, result: describeAuthority(crypto, domain, authority) }
    })
    const { domain, roots, intermediates } = described
    report(
      {
        headline: `${file} has a new ${newRoot === true ? "root and intermediate" : "intermediate"} of ${domain}`,
        facts: {
          root: roots.at(-1)?.fingerprint ?? null,
          intermediate: intermediates.at(-1)?.fingerprint ?? null,
          notAfter: intermediates.at(-1)?.notAfter ?? null,
        },
        advice: [RELOAD_ADVICE],
      },
      asJson === true,
    )
  },
})
