import { wipe } from "../crypto/wipe.ts"
import { Problem } from "../wire/problem.ts"

/**
 * Reads a request's body into one buffer, which the caller overwrites. Never holds more than `bytesMax` bytes and one
 * chunk, whatever the request says about its length.
 *
 * @throws Problem `request.too-large`, or `request.malformed` if the body breaks off
 */
export async function readBody(request: Request, bytesMax: number): Promise<Uint8Array> {
  if (request.body === null) return new Uint8Array(0)
  const announced = request.headers.get("content-length")
  if (announced === null) return await readChunks(request.body, bytesMax)
  if (!(Number(announced) <= bytesMax)) throw new Problem("request.too-large")
  try {
    return new Uint8Array(await request.arrayBuffer())
  } catch {
    throw new Problem("request.malformed")
  }
}

async function readChunks(stream: ReadableStream<Uint8Array>, bytesMax: number): Promise<Uint8Array> {
  const reader = stream.getReader()
  const chunks: Uint8Array[] = []
  let length = 0
  try {
    for (;;) {
      const { value, done } = await reader.read()
      if (done) break
      chunks.push(value)
      length += value.length
      if (length > bytesMax) throw new Problem("request.too-large")
    }
    const body = new Uint8Array(length)
    let offset = 0
    for (const chunk of chunks) {
      body.set(chunk, offset)
      offset += chunk.length
    }
    return body
  } catch (error) {
    reader.cancel().catch(() => undefined)
    throw error instanceof Problem ? error : new Problem("request.malformed")
  } finally {
    wipe(...chunks)
  }
}
