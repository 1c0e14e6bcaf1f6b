import { lstatSync, rmSync } from "node:fs"
import { Type } from "@sinclair/typebox"
import { Value } from "@sinclair/typebox/value"
import type { Server } from "bun"
import { StoreFailed } from "../store/database.ts"
import { CodecError } from "../wire/tls.ts"
import type { Administration } from "./administration.ts"

/**
 * The socket by which commands on this machine ask the running server: HTTP with JSON, for the server's user and root alone.
 * Whoever can open it could as well read and change the files, so it gives nobody more than they have; it hands out nothing
 * that is in memory only.
 */

/** A bound Unix socket's path is shorter than 108 bytes. */
const PATH_BYTES_MAX = 107
const FOR_OWNER = 0o177

const Directory = Type.Object({ directory: Type.String({ minLength: 1 }) })
const User = Type.Object({ user: Type.String() })

/** The answer to one question; JSON. */
export type AdminAnswer = { readonly result: unknown } | { readonly error: string }

export class AdminSocket {
  readonly #path: string
  readonly #server: Server<undefined>

  /**
   * A socket that an earlier process left under this name is replaced. `failed` is told of defects. Throws the system's
   * error.
   */
  constructor(path: string, administration: Administration, failed: (error: unknown) => void) {
    if (Buffer.byteLength(path) > PATH_BYTES_MAX) throw new StoreFailed("its path is too long")
    if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true) rmSync(path)
    this.#path = path
    const mask = process.umask(FOR_OWNER)
    try {
      this.#server = Bun.serve({
        unix: path,
        development: false,
        async fetch(request, server) {
          // What it takes, it takes.
          server.timeout(request, 0)
          return Response.json(await answer(administration, request, failed))
        },
      })
    } finally {
      process.umask(mask)
    }
  }

  async stop(): Promise<void> {
    await this.#server.stop(true)
    rmSync(this.#path, { force: true })
  }
}

async function answer(
  administration: Administration,
  request: Request,
  failed: (error: unknown) => void,
): Promise<AdminAnswer> {
  try {
    const params: unknown = await request.json()
    return { result: await perform(administration, new URL(request.url).pathname, params) }
  } catch (error) {
    if (error instanceof StoreFailed) return { error: error.message }
    if (error instanceof CodecError || error instanceof SyntaxError)
      return { error: "the question is malformed" }
    failed(error)
    return { error: "the server failed to do it, and said where" }
  }
}

async function perform(administration: Administration, path: string, params: unknown): Promise<unknown> {
  switch (path) {
    case "/backup":
      if (Value.Check(Directory, params)) return await administration.backUp(params.directory)
      break
    case "/users":
      return await administration.listUsers()
    case "/users/delete":
      if (Value.Check(User, params)) return await administration.deleteUser(params.user)
      break
    case "/stats":
      return await administration.stats()
  }
  throw new CodecError("admin question")
}
