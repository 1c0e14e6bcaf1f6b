import { SMALL_REQUEST_BODY_BYTES_MAX } from "../../limits.ts"
import { closed, endpoint, Id, Nothing } from "../endpoint.ts"

/** The block list: groups whose messages do not come into the client's queue (docs/protocol.md section 6.1). */
export const blocks = {
  blockGroup: endpoint({
    name: "qs.block-group",
    path: "/qs/block-group",
    sender: "qs-client",
    summary: "Lets messages of a group be dropped in front of the own queue. Nobody is told.",
    params: closed({ groupId: Id("group id") }),
    result: Nothing,
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
    problems: ["qs.too-many-blocked-groups"],
  }),
  unblockGroup: endpoint({
    name: "qs.unblock-group",
    path: "/qs/unblock-group",
    sender: "qs-client",
    summary: "Takes a group off the block list; nothing happens if it is not on it.",
    params: closed({ groupId: Id("group id") }),
    result: Nothing,
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
  }),
} as const
