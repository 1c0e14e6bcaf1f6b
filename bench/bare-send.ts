import { Database } from "bun:sqlite"
import { join } from "node:path"
import { nativeCrypto as crypto } from "../src/crypto/native.ts"
import { WorkerEvaluator } from "../src/evaluator.ts"
import { deriveIssuerKey } from "../src/privacypass/keys.ts"
import { nobleVoprf } from "../src/privacypass/voprf.ts"
import { type BareSend, HEAD_BYTES, readSend } from "./bare-body.ts"
import { openPool, POOL_ROWS } from "./pool.ts"
import { sealedHead } from "./sealed-head.ts"

/**
 * `bun bare-send.ts DIRECTORY`: the work that the model of a send to one knows, in the simplest program of Bun's that answers
 * requests: a token is redeemed in a worker, a signature is checked, a head is opened, and two rows are durable before the answer,
 * with those of whoever else is there. No protocol, no checks, no padding of anything, nothing is scrubbed, washed or deleted.
 */

const [directory = "."] = process.argv.slice(2)

const issuer = deriveIssuerKey(crypto, nobleVoprf(crypto.random), crypto.random(32))
const evaluator = new WorkerEvaluator()
evaluator.setKeys([issuer])

const head = sealedHead(HEAD_BYTES)
const pool = openPool(new Database(join(directory, "bare.sqlite")))
pool.grow(POOL_ROWS)
let waiting: (() => void)[] = []

/** Two rows, in one transaction with all that come before the server looks for requests again. */
function durable(): Promise<void> {
  if (waiting.length === 0) setImmediate(commit)
  const { promise, resolve } = Promise.withResolvers<void>()
  waiting.push(resolve)
  return promise
}

function commit(): void {
  const committed = waiting
  waiting = []
  pool.transact(2 * committed.length)
  for (const resolve of committed) resolve()
}

async function send({ tokenInput, publicKey, message, signature }: BareSend): Promise<Response> {
  await evaluator.evaluate(issuer.keyId, tokenInput)
  if (!crypto.ed25519Verify(publicKey, message, signature)) return new Response(null, { status: 401 })
  head.open()
  await durable()
  return new Response()
}

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: async (request) => await send(readSend(await request.bytes())),
})
console.log(`listening on http://127.0.0.1:${server.port}`)
