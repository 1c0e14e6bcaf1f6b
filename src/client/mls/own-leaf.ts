import { CredentialType, PROTOCOL_VERSION_MLS10 } from "../../mls/codec/protocol.ts"
import type { OwnLeaf as MlsLeaf } from "../../mls/member/leaf.ts"
import { CREDENTIAL_CIPHERSUITE } from "../../wire/credential-format.ts"
import { LAST_RESORT_EXTENSION_TYPE, QUEUE_CONFIG_EXTENSION_TYPE } from "../../wire/queue-config.ts"
import type { OwnLeaf } from "./member.ts"

/** A leaf as our clients make them, whatever group it is for. */
export function leafOf({ identity, signatureSeed }: OwnLeaf): MlsLeaf {
  return {
    signatureSecret: signatureSeed,
    credential: { kind: "basic", identity },
    capabilities: {
      versions: [PROTOCOL_VERSION_MLS10],
      cipherSuites: [CREDENTIAL_CIPHERSUITE],
      extensions: [LAST_RESORT_EXTENSION_TYPE, QUEUE_CONFIG_EXTENSION_TYPE],
      proposals: [],
      credentials: [CredentialType.basic],
    },
    extensions: [],
  }
}
