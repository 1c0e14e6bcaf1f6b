import type { Seen } from "../audit/seen.ts"
import { StoreFailed } from "../store/database.ts"
import { codeOf } from "../store/error-code.ts"
import type { Administration, ListedUser } from "./administration.ts"
import type { BackedUp } from "./backup.ts"
import type { AdminAnswer } from "./socket.ts"

/** Nobody listens at the socket: no server runs, or it has none. */
export class NobodyThere extends Error {
  override readonly name = "NobodyThere"
}

/**
 * Asks the server that listens at a socket.
 *
 * @throws NobodyThere
 * @throws StoreFailed with the server's sentence, or because the socket is another user's
 */
export function remoteAdministration(socket: string): Administration {
  return {
    backUp: (directory) => ask<BackedUp>(socket, "/backup", { directory }),
    listUsers: () => ask<ListedUser[]>(socket, "/users", {}),
    deleteUser: (user) => ask<boolean>(socket, "/users/delete", { user }),
    stats: () => ask<Seen[]>(socket, "/stats", {}),
  }
}

/** The server is of the same build, or nearly: what it says is believed. */
async function ask<T>(unix: string, path: string, params: object): Promise<T> {
  const answer = await exchange(unix, path, params)
  if ("error" in answer) throw new StoreFailed(answer.error)
  return answer.result as T
}

async function exchange(unix: string, path: string, params: object): Promise<AdminAnswer> {
  try {
    const response = await fetch(`http://localhost${path}`, {
      unix,
      method: "POST",
      body: JSON.stringify(params),
      // A backup takes as long as it takes.
      timeout: false,
    } as BunFetchRequestInit)
    return (await response.json()) as AdminAnswer
  } catch (error) {
    const code = codeOf(error)
    if (["ENOENT", "ECONNREFUSED", "ENAMETOOLONG"].includes(code))
      throw new NobodyThere("nobody listens at the socket")
    if (code === "EACCES")
      throw new StoreFailed(`the socket ${unix} is another user's: call this as the server's user or root`)
    throw new StoreFailed(`the server did not answer at ${unix} (${code})`)
  }
}
