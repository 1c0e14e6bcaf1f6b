import { FORMAT_VERSION, ID_BYTES } from "../limits.ts"
import { CodecError, decodeAll, encodeWith, type Reader } from "./tls.ts"

/**
 * What the DS puts into a member's queue:
 *
 *     enum { mls(1), welcome(2), proposals(3), (255) } QueueMessageType
 *     struct { u8 version; QueueMessageType type; opaque group_id[16]; opaque body<V>; } QueueMessage
 *
 * `mls`: an MLSMessage exactly as its sender made it. `welcome`: a {@link WelcomeBundle}. `proposals`: `opaque
 * proposals<V><V>`, MLSMessages by which the DS itself proposes to remove members.
 */
export type QueueMessage =
  | { readonly type: "mls"; readonly groupId: Uint8Array; readonly message: Uint8Array }
  | { readonly type: "welcome"; readonly groupId: Uint8Array; readonly bundle: WelcomeBundle }
  | { readonly type: "proposals"; readonly groupId: Uint8Array; readonly proposals: readonly Uint8Array[] }

/**
 *     struct { u64 epoch; opaque welcome<V>; opaque sealed_ear_key<V>; opaque attribution<V>; } WelcomeBundle
 *
 * `epoch` is the one the Welcome leads into, `sealedEarKey` the group's EAR key by HPKE to the init key of the
 * joiner's KeyPackage, `attribution` the sender's WelcomeAttributionInfo under the joiner's friendship key.
 */
export interface WelcomeBundle {
  readonly epoch: bigint
  readonly welcome: Uint8Array
  readonly sealedEarKey: Uint8Array
  readonly attribution: Uint8Array
}

const types = { mls: 1, welcome: 2, proposals: 3 } as const

export function encodeQueueMessage(message: QueueMessage): Uint8Array {
  return encodeWith(message, (writer) => {
    writer.u8(FORMAT_VERSION).u8(types[message.type]).raw(message.groupId).opaque(bodyOf(message))
  })
}

/** The group id of an encoded message, a view. */
export function groupOfQueueMessage(message: Uint8Array): Uint8Array {
  return message.subarray(2, 2 + ID_BYTES)
}

function bodyOf(message: QueueMessage): Uint8Array {
  switch (message.type) {
    case "mls":
      return message.message
    case "welcome":
      return encodeWith(message.bundle, (writer, { epoch, welcome, sealedEarKey, attribution }) =>
        writer.u64(epoch).opaque(welcome).opaque(sealedEarKey).opaque(attribution),
      )
    case "proposals":
      return encodeWith(message.proposals, (writer, proposals) =>
        writer.vector(proposals, (inner, proposal) => inner.opaque(proposal)),
      )
  }
}

/** Throws CodecError unless the bytes are one canonical QueueMessage. */
export function decodeQueueMessage(bytes: Uint8Array): QueueMessage {
  return decodeAll(bytes, (reader) => {
    if (reader.u8() !== FORMAT_VERSION) throw new CodecError("queue message version")
    const type = reader.u8()
    const groupId = reader.raw(ID_BYTES).slice()
    const body = reader.opaque().slice()
    switch (type) {
      case types.mls:
        return { type: "mls", groupId, message: body }
      case types.welcome:
        return { type: "welcome", groupId, bundle: decodeAll(body, readBundle) }
      case types.proposals:
        return { type: "proposals", groupId, proposals: decodeAll(body, readProposals) }
      default:
        throw new CodecError("queue message type")
    }
  })
}

function readBundle(reader: Reader): WelcomeBundle {
  return {
    epoch: reader.u64(),
    welcome: reader.opaque(),
    sealedEarKey: reader.opaque(),
    attribution: reader.opaque(),
  }
}

function readProposals(reader: Reader): Uint8Array[] {
  return reader.vector((inner) => inner.opaque())
}
