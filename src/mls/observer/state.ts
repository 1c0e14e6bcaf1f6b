import { decodeAll, encodeWith, type Reader, type Writer } from "../../wire/tls.ts"
import { type GroupContext, readGroupContext, writeGroupContext } from "../codec/group-context.ts"

/**
 * What a public observer keeps of an epoch besides its tree: enough to validate the next commit and to rebuild the
 * epoch's GroupInfo. In TLS presentation language:
 *
 *     struct { GroupContext context; opaque interim_transcript_hash<V>; MAC confirmation_tag; } PublicGroupState
 */
export interface PublicGroupState {
  readonly context: GroupContext
  readonly interimTranscriptHash: Uint8Array
  readonly confirmationTag: Uint8Array
}

export function readPublicGroupState(reader: Reader): PublicGroupState {
  return {
    context: readGroupContext(reader),
    interimTranscriptHash: reader.opaque(),
    confirmationTag: reader.opaque(),
  }
}

export function writePublicGroupState(writer: Writer, state: PublicGroupState): void {
  writeGroupContext(writer, state.context)
  writer.opaque(state.interimTranscriptHash).opaque(state.confirmationTag)
}

/** Throws CodecError. */
export function decodePublicGroupState(bytes: Uint8Array): PublicGroupState {
  return decodeAll(bytes, readPublicGroupState)
}

export function encodePublicGroupState(state: PublicGroupState): Uint8Array {
  return encodeWith(state, writePublicGroupState)
}
