import { leafCapabilities } from "../../group/context-extensions.ts"
import type { OwnLeaf as MlsLeaf } from "../../mls/member/leaf.ts"
import { CREDENTIAL_CIPHERSUITE } from "../../wire/credential-format.ts"
import type { OwnLeaf } from "./member.ts"

/** A leaf as our clients make them, whatever group it is for. */
export function leafOf({ identity, signatureSeed }: OwnLeaf): MlsLeaf {
  return {
    signatureSecret: signatureSeed,
    credential: { kind: "basic", identity },
    capabilities: leafCapabilities(CREDENTIAL_CIPHERSUITE),
    extensions: [],
  }
}
