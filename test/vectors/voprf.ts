import { nativeCrypto } from "../../src/crypto/native.ts"
import { nobleVoprf, SCALAR_BYTES } from "../../src/privacypass/voprf.ts"
import { concat, fromHex } from "../../src/wire/bytes.ts"
import { ensureEqual } from "./check.ts"
import { hex, integer, object, objects, text } from "./field.ts"
import { reportCase } from "./mls-case.ts"
import { isArrayOf, type JsonObject, type VectorReport, type VectorSuite } from "./suite.ts"

/** RFC 9497's own vectors, in the suite and mode of Privacy Pass. */

const SUITE = "ristretto255-SHA512"
const MODES = ["OPRF", "VOPRF", "POPRF"]
const MODE_VOPRF = 1

/** How many random bytes noble reduces to a scalar. */
const DRAWN_BYTES = 48

/** Bytes that noble makes `scalar` of: it reduces what it draws to 1..n-1 by adding one. */
function drawnFor(scalar: Uint8Array): Uint8Array {
  const drawn = concat(scalar, new Uint8Array(DRAWN_BYTES - SCALAR_BYTES))
  for (let at = 0; at < SCALAR_BYTES; at++) {
    if (drawn[at]! > 0) {
      drawn[at]! -= 1
      break
    }
    drawn[at] = 0xff
  }
  return drawn
}

/** A generator that gives these scalars in turn, then real randomness. */
export function drawing(...scalars: readonly Uint8Array[]): (length: number) => Uint8Array {
  const rest = scalars.map(drawnFor)
  return (length) => rest.shift() ?? nativeCrypto.random(length)
}

function hexList(from: JsonObject, key: string): Uint8Array[] {
  return text(from, key).split(",").map(fromHex)
}

function checkKey(group: JsonObject): void {
  const pair = nobleVoprf(nativeCrypto.random).deriveKeyPair(hex(group, "seed"), hex(group, "keyInfo"))
  ensureEqual(pair.secretKey, hex(group, "skSm"), "secret key")
  ensureEqual(pair.publicKey, hex(group, "pkSm"), "public key")
}

function checkVector(group: JsonObject, vector: JsonObject): void {
  const keys = { secretKey: hex(group, "skSm"), publicKey: hex(group, "pkSm") }
  const [inputs, outputs] = [hexList(vector, "Input"), hexList(vector, "Output")]
  const [blindeds, evaluateds] = [hexList(vector, "BlindedElement"), hexList(vector, "EvaluationElement")]
  const [blinds, proof] = [hexList(vector, "Blind"), object(vector, "Proof")]

  const client = nobleVoprf(drawing(...blinds))
  const made = inputs.map((input) => client.blind(input))
  made.forEach(({ blind, blinded }, i) => {
    ensureEqual(blind, blinds[i]!, "blind")
    ensureEqual(blinded, blindeds[i]!, "blinded element")
  })
  const server = nobleVoprf(drawing(hex(proof, "r")))
  const answer = server.blindEvaluateBatch(keys, blindeds)
  ensureEqual(concat(...answer.evaluated), concat(...evaluateds), "evaluated elements")
  ensureEqual(answer.proof, hex(proof, "proof"), "proof")

  const items = inputs.map((input, i) => ({ input, ...made[i]!, evaluated: evaluateds[i]! }))
  const finalized = client.finalizeBatch(keys.publicKey, items, answer.proof)
  ensureEqual(concat(...finalized), concat(...outputs), "outputs")
  inputs.forEach((input, i) => {
    ensureEqual(server.evaluate(keys.secretKey, input), outputs[i]!, "output evaluated alone")
  })
}

async function runGroup(group: JsonObject, report: VectorReport): Promise<void> {
  const [suite, mode] = [text(group, "identifier"), integer(group, "mode")]
  const name = `${suite} ${MODES[mode] ?? mode}`
  const foreign = suite !== SUITE || mode !== MODE_VOPRF
  const vectors = objects(group, "vectors")
  if (!foreign) await reportCase(`${name} key`, report, () => checkKey(group))
  for (const [index, vector] of vectors.entries()) {
    const caseName = `${name} ${index}`
    if (foreign) report(caseName, "skipped", `VOPRF: ${name} is not used`)
    else await reportCase(caseName, report, () => checkVector(group, vector))
  }
}

export const voprfSuite: VectorSuite = {
  name: "VOPRF RFC 9497",
  recognise: (json) => isArrayOf(json, "identifier", "mode", "groupDST", "skSm", "vectors"),
  async run(json, report) {
    for (const group of json as JsonObject[]) await runGroup(group, report)
  },
}
