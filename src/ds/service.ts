import { wipe } from "../crypto/wipe.ts"
import type { Handlers, SignedCall } from "../wire/call.ts"
import type { ds } from "../wire/ds.ts"
import type { Params } from "../wire/endpoint.ts"
import { Caller } from "./authentication.ts"
import { createContext, type DsDependencies } from "./context.ts"
import { createGroup } from "./create.ts"
import { deleteGroup } from "./delete.ts"
import { expireGroups } from "./expiry.ts"
import { removalKey } from "./group-secret.ts"
import { externalCommitInfo, welcomeInfo } from "./information.ts"
import {
  addUsers,
  changeRoles,
  joinConnectionGroup,
  removeUsers,
  resync,
  updateClient,
} from "./operations.ts"
import { updateQueueConfig } from "./queue-config.ts"
import type { GroupKey } from "./records.ts"
import { Reservations } from "./reservations.ts"
import { selfRemove } from "./self-remove.ts"
import { sendMessage } from "./send.ts"
import { type GroupShapes, groupShapes } from "./shapes.ts"
import { groupExists } from "./store.ts"

/** The delivery service (docs/protocol.md section 5). */
export interface Ds {
  readonly handlers: Handlers<typeof ds>
  /** What a snapshot sees of the groups. */
  shapes(): Promise<GroupShapes>
  /** Deletes what has expired; to be called about once a day. */
  sweep(): Promise<void>
}

/**
 * Makes the service. A handler overwrites the EAR key it was given before it answers; the rest of a request's bytes is
 * the caller's.
 */
export function createDs(dependencies: DsDependencies): Ds {
  const context = createContext(dependencies)
  const { store, crypto, now } = context
  const reservations = new Reservations(crypto, now)

  function signed<P extends GroupKey, R>(handle: (caller: Caller<P>) => R | Promise<R>) {
    return (call: SignedCall<P>): Promise<R> =>
      wipingKey(call.claimed, () => handle(new Caller(call, context.strangersKey)))
  }
  function done<P extends GroupKey>(handle: (caller: Caller<P>) => Promise<void>) {
    return signed<P, Record<never, never>>(async (caller) => {
      await handle(caller)
      return {}
    })
  }

  return {
    shapes: () => groupShapes(store),
    sweep: () => expireGroups(context),
    handlers: {
      async requestGroupId() {
        const { groupId, secret } = reservations.reserve((id) => groupExists(store, id))
        return { groupId, removalKey: removalKey(crypto, secret) }
      },
      createGroup: done<Params<typeof ds.createGroup>>((caller) =>
        createGroup(context, reservations, caller),
      ),
      externalCommitInfo: (params) => wipingKey(params, () => externalCommitInfo(context, params)),
      joinConnectionGroup: (params) =>
        wipingKey(params, async () => {
          await joinConnectionGroup(context, params)
          return {}
        }),
      welcomeInfo: signed((caller: Caller<Params<typeof ds.welcomeInfo>>) => welcomeInfo(context, caller)),
      addUsers: done<Params<typeof ds.addUsers>>((caller) => addUsers(context, caller)),
      removeUsers: done<Params<typeof ds.removeUsers>>((caller) => removeUsers(context, caller)),
      updateClient: done<Params<typeof ds.updateClient>>((caller) => updateClient(context, caller)),
      changeRoles: done<Params<typeof ds.changeRoles>>((caller) => changeRoles(context, caller)),
      resync: done<Params<typeof ds.resync>>((caller) => resync(context, caller)),
      selfRemove: done<Params<typeof ds.selfRemove>>((caller) => selfRemove(context, caller)),
      deleteGroup: done<Params<typeof ds.deleteGroup>>((caller) => deleteGroup(context, caller)),
      updateQueueConfig: done<Params<typeof ds.updateQueueConfig>>((caller) =>
        updateQueueConfig(context, caller),
      ),
      sendMessage: done<Params<typeof ds.sendMessage>>((caller) => sendMessage(context, caller)),
    },
  }
}

async function wipingKey<R>(params: GroupKey, work: () => R | Promise<R>): Promise<R> {
  try {
    return await work()
  } finally {
    wipe(params.earKey)
  }
}
