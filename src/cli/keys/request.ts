import { existsSync } from "node:fs"
import { createRequest } from "../../config/authority/carried.ts"
import { requestIntermediate } from "../../config/authority/ceremony.ts"
import { emptyAuthority } from "../../config/authority/secrets.ts"
import { ConfigError, requireDomain } from "../../config/config.ts"
import { makeSecrets, wipeSecrets, withAuthority } from "../../config/secrets.ts"
import { changeAuthority, createSecrets } from "../../config/secrets-file.ts"
import { nativeCrypto as crypto } from "../../crypto/native.ts"
import { toHex } from "../../wire/bytes.ts"
import { json, secondsNow, secrets } from "../args.ts"
import { report } from "../report.ts"
import { strictCommand } from "../strict.ts"

export const request = strictCommand({
  meta: {
    name: "cinder keys request",
    description:
      "Makes a key for a new intermediate, and the request to sign it. The key stays in the secrets, the request is public: carry it to the machine with the root. The server goes on with the intermediate that it has until the answer is installed; given again before that, the command makes the same request.",
  },
  args: {
    secrets,
    out: { type: "string", required: true, description: "the request file to make" },
    domain: {
      type: "string",
      description:
        "the domain of a new server: the secrets file is made, without a root. Do this before the first start, and the root is never on the server",
    },
    json,
  },
  run({ secrets: file, out, domain, json: asJson }) {
    if (domain !== undefined) createWithoutRoot(file, domain)
    const { csr, of } = changeAuthority(crypto, file, (authority, ofDomain) => {
      const made = requestIntermediate(crypto, authority, ofDomain)
      return { authority: made.authority, result: { csr: made.csr, of: ofDomain } }
    })
    createRequest(crypto, out, csr)
    report(
      {
        headline: `made a request for an intermediate of ${of} in ${out}`,
        facts: { request: toHex(crypto.sha256(csr)) },
        advice: [
          `Next, where the root is: cinder keys sign --root ROOT --request ${out} --out cinder.credential`,
          "It shows the same digits for the request, or it is not the one that was made here.",
        ],
      },
      asJson === true,
    )
  },
})

function createWithoutRoot(file: string, domain: string): void {
  if (existsSync(file))
    throw new ConfigError(`the secrets file ${file} is there already: leave --domain out to use it`)
  const made = makeSecrets(crypto, requireDomain(domain), secondsNow())
  createSecrets(crypto, file, withAuthority(made, emptyAuthority))
  wipeSecrets(made)
}
