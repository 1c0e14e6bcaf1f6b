import { accounts } from "./as/accounts.ts"
import { aliases } from "./as/aliases.ts"
import { connections } from "./as/connections.ts"
import { credentials } from "./as/credentials.ts"
import { profiles } from "./as/profiles.ts"
import { tokens } from "./as/tokens.ts"

/** The authentication service's operations (docs/protocol.md section 4.3). */
export const as = {
  ...credentials,
  ...accounts,
  ...connections,
  ...aliases,
  ...profiles,
  ...tokens,
} as const
