import { expect, test } from "bun:test"
import fc from "fast-check"
import {
  type CredentialChange,
  changeCredentials,
  type EncryptedCredentials,
  listCredentials,
  readCredentials,
  writeCredentials,
} from "../../src/ds/credentials.ts"
import { decodeAll, encodeWith } from "../../src/wire/tls.ts"

const change: fc.Arbitrary<CredentialChange> = fc.record({
  leaf: fc.nat({ max: 12 }),
  credential: fc.option(fc.uint8Array({ maxLength: 80 }), { nil: undefined }),
})

test("credentials change as in a map, change back, and round-trip", () => {
  fc.assert(
    fc.property(fc.array(fc.array(change, { maxLength: 6 }), { maxLength: 6 }), (commits) => {
      const model = new Map<number, Uint8Array>()
      let credentials: EncryptedCredentials = []
      for (const changes of commits) {
        const before = listCredentials(credentials)
        const { undo, ...changed } = changeCredentials(credentials, changes)
        for (const { leaf, credential } of changes) {
          if (credential === undefined) model.delete(leaf)
          else model.set(leaf, credential)
        }
        const expected = [...model].map(([leaf, credential]) => ({ leaf, credential }))
        expected.sort((a, b) => a.leaf - b.leaf)
        expect(listCredentials(changed.credentials)).toEqual(expected)
        expect(listCredentials(changeCredentials(changed.credentials, undo).credentials)).toEqual(before)
        credentials = decodeAll(encodeWith(changed.credentials, writeCredentials), readCredentials)
        expect(listCredentials(credentials)).toEqual(expected)
      }
    }),
    { numRuns: 300 },
  )
})
