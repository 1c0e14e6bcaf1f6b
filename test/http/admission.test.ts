import { expect, test } from "bun:test"
import fc from "fast-check"
import { Admission } from "../../src/http/admission.ts"

const limits = { inFlightMax: 6, waitingMax: 3, patienceMilliseconds: 10 }

type Step = { readonly kind: "begin" | "end" | "pass"; readonly number: number }
const steps = fc.array(
  fc.record<Step>({ kind: fc.constantFrom("begin", "end", "pass"), number: fc.nat({ max: 9 }) }),
  { maxLength: 60 },
)

test("a request is let in if and only if there is room and not too many have waited too long", () => {
  fc.assert(
    fc.property(steps, (sequence) => {
      let now = 0
      const admission = new Admission(limits, () => now)
      const underWay = new Map<number, number>()
      for (const { kind, number } of sequence) {
        if (kind === "pass") now += number
        else if (kind === "begin") {
          const late = [...underWay.values()].filter((begun) => now - begun > limits.patienceMilliseconds)
          const admitted = admission.begin()
          expect(admitted !== undefined).toBe(
            underWay.size < limits.inFlightMax && late.length < limits.waitingMax,
          )
          if (admitted !== undefined) underWay.set(admitted, now)
        } else {
          const [name] = [...underWay.keys()].slice(number % Math.max(1, underWay.size))
          if (name === undefined) continue
          admission.end(name)
          underWay.delete(name)
        }
        expect(admission.size).toBe(underWay.size)
      }
    }),
    { numRuns: 500 },
  )
})
