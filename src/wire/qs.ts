import { addPackages } from "./qs/add-packages.ts"
import { blocks } from "./qs/blocks.ts"
import { clients } from "./qs/clients.ts"
import { keys } from "./qs/keys.ts"
import { queues } from "./qs/queues.ts"
import { users } from "./qs/users.ts"

/** The queuing service's operations (docs/protocol.md section 6.3); the stream is in queue.ts. */
export const qs = { ...keys, ...users, ...clients, ...addPackages, ...blocks, ...queues } as const
