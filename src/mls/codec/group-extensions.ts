import { decodeAll, encodeWith } from "../../wire/tls.ts"
import {
  type RequiredCapabilities,
  readRequiredCapabilities,
  writeRequiredCapabilities,
} from "./capabilities.ts"
import { type Credential, readCredential, writeCredential } from "./credential.ts"
import type { Extension } from "./extension.ts"
import { ExtensionType } from "./protocol.ts"

/** Someone outside the group who may propose changes (RFC 9420 section 12.1.8.1). */
export interface ExternalSender {
  readonly signatureKey: Uint8Array
  readonly credential: Credential
}

/** The public key of `external_secret` (RFC 9420 section 12.4.3.2), from the extension's data. Throws CodecError. */
export function decodeExternalPub(extension: Extension): Uint8Array {
  return decodeAll(extension.data, (reader) => reader.opaque())
}

export function encodeExternalPub(publicKey: Uint8Array): Extension {
  return {
    type: ExtensionType.externalPub,
    data: encodeWith(publicKey, (writer, key) => writer.opaque(key)),
  }
}

/** The content of an `external_senders` extension. Throws CodecError. */
export function decodeExternalSenders(extension: Extension): ExternalSender[] {
  return decodeAll(extension.data, (reader) =>
    reader.vector((r) => ({ signatureKey: r.opaque(), credential: readCredential(r) })),
  )
}

export function encodeExternalSenders(senders: readonly ExternalSender[]): Extension {
  return {
    type: ExtensionType.externalSenders,
    data: encodeWith(senders, (writer, list) =>
      writer.vector(list, (w, sender) => {
        w.opaque(sender.signatureKey)
        writeCredential(w, sender.credential)
      }),
    ),
  }
}

/** The content of a `required_capabilities` extension. Throws CodecError. */
export function decodeRequiredCapabilities(extension: Extension): RequiredCapabilities {
  return decodeAll(extension.data, readRequiredCapabilities)
}

export function encodeRequiredCapabilities(required: RequiredCapabilities): Extension {
  return {
    type: ExtensionType.requiredCapabilities,
    data: encodeWith(required, writeRequiredCapabilities),
  }
}
