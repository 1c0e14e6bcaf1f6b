import { PROFILE_BYTES, SMALL_REQUEST_BODY_BYTES_MAX } from "../../limits.ts"
import { closed, endpoint, fixedBytes, Id, Nothing } from "../endpoint.ts"

const Profile = fixedBytes(PROFILE_BYTES, "encrypted user profile")

/** What users show to their contacts, and to nobody else (docs/protocol.md section 4.3). */
export const profiles = {
  updateUserProfile: endpoint({
    name: "as.update-user-profile",
    path: "/as/update-user-profile",
    sender: "client",
    summary: "Replaces the encrypted profile of the client's user.",
    params: closed({ profile: Profile }),
    result: Nothing,
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
  }),
  fetchUserProfile: endpoint({
    name: "as.fetch-user-profile",
    path: "/as/fetch-user-profile",
    sender: "none",
    summary: "A user's encrypted profile; random bytes if the user has not set one.",
    params: closed({ user: Id("user id") }),
    result: closed({ profile: Profile }),
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
    problems: ["as.unknown-user"],
  }),
} as const
