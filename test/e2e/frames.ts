import { Buffer } from "node:buffer"

const MASK_BYTES = 4

/** What the frames of a WebSocket client hold that it sent on one connection (RFC 6455 section 5.2): they are masked. Whole ones only. */
export function clientFrames(bytes: Uint8Array): Uint8Array[] {
  const frames: Uint8Array[] = []
  let rest = Buffer.from(bytes)
  for (;;) {
    const { header, length } = lengthOf(rest)
    const begin = header + MASK_BYTES
    if (rest.length < begin + length) return frames
    const mask = rest.subarray(header, begin)
    frames.push(
      rest.subarray(begin, begin + length).map((byte, at) => byte ^ (mask[at % MASK_BYTES] as number)),
    )
    rest = rest.subarray(begin + length)
  }
}

/** Bytes of the header before the mask, and of what comes after it. */
function lengthOf(frame: Buffer): { readonly header: number; readonly length: number } {
  const nothing = { header: Number.POSITIVE_INFINITY, length: 0 }
  if (frame.length < 2) return nothing
  const short = frame.readUInt8(1) & 0x7f
  if (short < 126) return { header: 2, length: short }
  if (short === 126) return frame.length < 4 ? nothing : { header: 4, length: frame.readUInt16BE(2) }
  return frame.length < 10 ? nothing : { header: 10, length: Number(frame.readBigUInt64BE(2)) }
}
