import { createRoot } from "../../config/authority/carried.ts"
import { exportedRoot } from "../../config/authority/ceremony.ts"
import { changeAuthority } from "../../config/secrets-file.ts"
import { nativeCrypto as crypto } from "../../crypto/native.ts"
import { toHex } from "../../wire/bytes.ts"
import { credentialFingerprint } from "../../wire/revocation.ts"
import { json, RELOAD_ADVICE, secrets } from "../args.ts"
import { report } from "../report.ts"
import { strictCommand } from "../strict.ts"

export const exportRoot = strictCommand({
  meta: {
    name: "cinder keys export-root",
    description:
      "Moves the root's key out of the secrets, into a root file. That belongs on a machine without a network. The server keeps what it needs, the intermediate; from then on, its successors are signed with cinder keys sign.",
  },
  args: {
    secrets,
    out: {
      type: "string",
      required: true,
      description: "the root file to make, best on a medium that you take away",
    },
    json,
  },
  run({ secrets: file, out, json: asJson }) {
    const { domain, fingerprint } = changeAuthority(crypto, file, (authority, of) => {
      const { root, rest } = exportedRoot(crypto, authority)
      // First the file, then the secrets without it: a crash in between leaves the key in both, and not in neither.
      createRoot(crypto, out, root)
      const result = { domain: of, fingerprint: toHex(credentialFingerprint(crypto, root.credential)) }
      return { authority: rest, result }
    })
    report(
      {
        headline: `moved the root of ${domain} from ${file} to ${out}`,
        facts: { fingerprint },
        advice: [
          "Copies and backups of the secrets file from before still hold the root: destroy them.",
          "Whoever has the root file can pass for every user of the domain: keep it off the network, with a copy elsewhere.",
          RELOAD_ADVICE,
        ],
      },
      asJson === true,
    )
  },
})
