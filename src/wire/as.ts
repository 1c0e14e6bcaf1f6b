import { accounts } from "./as/accounts.ts"
import { connections } from "./as/connections.ts"
import { credentials } from "./as/credentials.ts"
import { tokens } from "./as/tokens.ts"

/** The authentication service's operations (PROTOCOL.md section 4.3). */
export const as = { ...credentials, ...accounts, ...connections, ...tokens } as const
