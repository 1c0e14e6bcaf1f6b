import { FORMAT_VERSION, ID_BYTES } from "../limits.ts"
import { CodecError, decodeAll, encodeWith } from "./tls.ts"

/**
 * What the DS puts into a member's queue:
 *
 *     enum { mls(1), welcome(2), (255) } QueueMessageType
 *     struct { u8 version; QueueMessageType type; opaque group_id[16]; opaque body<V>; } QueueMessage
 *
 * `mls`: an MLSMessage exactly as its sender made it. `welcome`: a {@link WelcomeBundle}.
 */
export type QueueMessage =
  | { readonly type: "mls"; readonly groupId: Uint8Array; readonly message: Uint8Array }
  | { readonly type: "welcome"; readonly groupId: Uint8Array; readonly bundle: WelcomeBundle }

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

const TYPE_MLS = 1
const TYPE_WELCOME = 2

export function encodeQueueMessage(message: QueueMessage): Uint8Array {
  return encodeWith(message, (writer) => {
    writer
      .u8(FORMAT_VERSION)
      .u8(message.type === "mls" ? TYPE_MLS : TYPE_WELCOME)
      .raw(message.groupId)
    if (message.type === "mls") {
      writer.opaque(message.message)
    } else {
      const { epoch, welcome, sealedEarKey, attribution } = message.bundle
      const body = encodeWith(message.bundle, (inner) => {
        inner.u64(epoch).opaque(welcome).opaque(sealedEarKey).opaque(attribution)
      })
      writer.opaque(body)
    }
  })
}

/** The group id of an encoded message, a view. */
export function groupOfQueueMessage(message: Uint8Array): Uint8Array {
  return message.subarray(2, 2 + ID_BYTES)
}

/** Throws CodecError unless the bytes are one canonical QueueMessage. */
export function decodeQueueMessage(bytes: Uint8Array): QueueMessage {
  return decodeAll(bytes, (reader) => {
    if (reader.u8() !== FORMAT_VERSION) throw new CodecError("queue message version")
    const type = reader.u8()
    const groupId = reader.raw(ID_BYTES).slice()
    const body = reader.opaque().slice()
    if (type === TYPE_MLS) return { type: "mls", groupId, message: body }
    if (type !== TYPE_WELCOME) throw new CodecError("queue message type")
    const bundle = decodeAll(body, (inner) => ({
      epoch: inner.u64(),
      welcome: inner.opaque(),
      sealedEarKey: inner.opaque(),
      attribution: inner.opaque(),
    }))
    return { type: "welcome", groupId, bundle }
  })
}
