import { expect, test } from "bun:test"
import fc from "fast-check"
import { Admission } from "../../src/http/admission.ts"

const limits = { inFlightMax: 6, atWorkMax: 2, waitingMax: 3, patienceMilliseconds: 10 }

type Step = { readonly kind: "begin" | "turn" | "end" | "pass"; readonly number: number }
const steps = fc.array(
  fc.record<Step>({ kind: fc.constantFrom("begin", "turn", "end", "pass"), number: fc.nat({ max: 9 }) }),
  { maxLength: 80 },
)

test("a request is let in if and only if there is room and not too many have waited too long; turns come in order", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (sequence) => {
      let now = 0
      const admission = new Admission(limits, () => now)
      const sending = new Set<number>()
      /** Since when; in the order in which their bodies came. */
      const waiting = new Map<number, number>()
      const begun = new Set<number>()
      for (const { kind, number } of sequence) {
        const oneOf = (names: Iterable<number>) => {
          const all = [...names]
          return all[number % Math.max(1, all.length)]
        }
        if (kind === "pass") now += number
        else if (kind === "begin") {
          const late = [...waiting.values()].filter((since) => now - since > limits.patienceMilliseconds)
          const admitted = admission.begin()
          const isFull = sending.size + waiting.size >= limits.inFlightMax
          expect(admitted !== undefined).toBe(!isFull && late.length < limits.waitingMax)
          if (admitted !== undefined) sending.add(admitted)
        } else if (kind === "turn") {
          const name = oneOf(sending)
          if (name === undefined) continue
          sending.delete(name)
          waiting.set(name, now)
          void admission.turn(name).then(() => begun.add(name))
        } else {
          const name = oneOf([...sending, ...begun])
          if (name === undefined) continue
          admission.end(name)
          for (const names of [sending, waiting, begun]) names.delete(name)
        }
        await Promise.resolve()
        expect(admission.size).toBe(sending.size + waiting.size)
        expect([...begun].sort()).toEqual([...waiting.keys()].slice(0, limits.atWorkMax).sort())
      }
    }),
    { numRuns: 500 },
  )
})
