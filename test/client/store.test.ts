import { memoryStore } from "../../src/client/store.ts"
import { conformsToClientStore } from "./store-conformance.ts"

conformsToClientStore("memory store", async () => memoryStore())
