import { test } from "bun:test"
import { memoryStore } from "../../src/client/store.ts"
import { storeCases } from "./store-conformance.ts"

for (const { name, run } of storeCases) {
  test(`memory store: ${name}`, () => run({ open: async () => memoryStore() }))
}
