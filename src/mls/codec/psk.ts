import { CodecError, type Reader, type Writer } from "../../wire/tls.ts"

export type ResumptionUsage = "application" | "reinit" | "branch"

/** Names a pre-shared key (RFC 9420 section 8.4). */
export type PreSharedKeyId =
  | { readonly kind: "external"; readonly id: Uint8Array; readonly nonce: Uint8Array }
  | {
      readonly kind: "resumption"
      readonly usage: ResumptionUsage
      readonly groupId: Uint8Array
      readonly epoch: bigint
      readonly nonce: Uint8Array
    }

/** Whether a PSK says that one group comes from another (RFC 9420 sections 11.2 and 11.3). */
export function isSuccession(psk: PreSharedKeyId): boolean {
  return psk.kind === "resumption" && psk.usage !== "application"
}

const TYPE_EXTERNAL = 1
const TYPE_RESUMPTION = 2
const USAGES: readonly ResumptionUsage[] = ["application", "reinit", "branch"]

export function readPreSharedKeyId(reader: Reader): PreSharedKeyId {
  const type = reader.u8()
  if (type === TYPE_EXTERNAL) return { kind: "external", id: reader.opaque(), nonce: reader.opaque() }
  if (type !== TYPE_RESUMPTION) throw new CodecError("PSK type unknown")
  const usage = USAGES[reader.u8() - 1]
  if (usage === undefined) throw new CodecError("resumption PSK usage unknown")
  return {
    kind: "resumption",
    usage,
    groupId: reader.opaque(),
    epoch: reader.u64(),
    nonce: reader.opaque(),
  }
}

export function writePreSharedKeyId(writer: Writer, psk: PreSharedKeyId): void {
  if (psk.kind === "external") writer.u8(TYPE_EXTERNAL).opaque(psk.id)
  else {
    writer.u8(TYPE_RESUMPTION).u8(USAGES.indexOf(psk.usage) + 1)
    writer.opaque(psk.groupId).u64(psk.epoch)
  }
  writer.opaque(psk.nonce)
}
