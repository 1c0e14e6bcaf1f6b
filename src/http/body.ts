import { wipe } from "../crypto/wipe.ts"
import { BODY_SECONDS_MAX } from "../limits.ts"
import { fixedBuffer } from "../wire/bytes.ts"
import { Problem } from "../wire/problem.ts"

/**
 * Reads a request's body into one buffer, which the caller overwrites. Never holds more than `bytesMax` bytes and one
 * chunk, whatever the request says about its length.
 *
 * @throws Problem `request.too-large`, or `request.malformed` if the body breaks off or takes too long
 */
export async function readBody(
  request: Request,
  bytesMax: number,
  secondsMax = BODY_SECONDS_MAX,
): Promise<Uint8Array> {
  if (request.body === null) return new Uint8Array(0)
  const announced = request.headers.get("content-length")
  if (announced !== null && !(Number(announced) <= bytesMax)) throw new Problem("request.too-large")
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Problem("request.malformed")), secondsMax * 1000)
  try {
    if (announced === null) return await readChunks(request.body, bytesMax, late.promise)
    return new Uint8Array(await Promise.race([request.arrayBuffer(), late.promise]))
  } catch (error) {
    throw error instanceof Problem ? error : new Problem("request.malformed")
  } finally {
    clearTimeout(timer)
  }
}

async function readChunks(
  stream: ReadableStream<Uint8Array>,
  bytesMax: number,
  late: Promise<never>,
): Promise<Uint8Array> {
  const reader = stream.getReader()
  const chunks: Uint8Array[] = []
  let length = 0
  try {
    for (;;) {
      const { value, done } = await Promise.race([reader.read(), late])
      if (done) break
      chunks.push(value)
      length += value.length
      if (length > bytesMax) throw new Problem("request.too-large")
    }
    const body = fixedBuffer(length)
    let offset = 0
    for (const chunk of chunks) {
      body.set(chunk, offset)
      offset += chunk.length
    }
    return body
  } catch (error) {
    reader.cancel().catch(() => undefined)
    throw error
  } finally {
    // One by one: a hostile sender can make more chunks than a call takes arguments.
    for (const chunk of chunks) wipe(chunk)
  }
}
