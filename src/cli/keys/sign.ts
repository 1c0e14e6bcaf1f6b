import { createSigned, readRequest, readRoot } from "../../config/authority/carried.ts"
import { signRequest } from "../../config/authority/ceremony.ts"
import { formatTime } from "../../config/authority/description.ts"
import { intermediateEnd } from "../../config/authority/rotation.ts"
import { nativeCrypto as crypto } from "../../crypto/native.ts"
import { wipe } from "../../crypto/wipe.ts"
import { toHex } from "../../wire/bytes.ts"
import { credentialFingerprint } from "../../wire/revocation.ts"
import { json, secondsNow } from "../args.ts"
import { report } from "../report.ts"
import { strictCommand } from "../strict.ts"

export const sign = strictCommand({
  meta: {
    name: "cinder keys sign",
    description:
      "Signs a server's request with the root, on the machine that has no network. The result is public; carry it back to the server and install it there.",
  },
  args: {
    root: { type: "string", required: true, description: "the root file" },
    request: { type: "string", required: true, description: "the request file that the server made" },
    out: { type: "string", required: true, description: "the credential file to make" },
    json,
  },
  run({ root: rootFile, request, out, json: asJson }) {
    const csr = readRequest(crypto, request)
    const root = readRoot(crypto, rootFile)
    const signed = signRequest(crypto, root, csr, secondsNow())
    wipe(root.seed)
    createSigned(crypto, out, signed)
    report(
      {
        headline: `signed ${request}; the intermediate is in ${out}`,
        facts: {
          request: toHex(crypto.sha256(csr)),
          root: toHex(credentialFingerprint(crypto, signed.root)),
          intermediate: toHex(credentialFingerprint(crypto, signed.intermediate)),
          notAfter: formatTime(intermediateEnd(signed.intermediate)),
        },
        advice: [
          "Compare the request's digits with those that the server showed.",
          `Next, on the server: cinder keys install --secrets SECRETS --credential ${out}`,
        ],
      },
      asJson === true,
    )
  },
})
