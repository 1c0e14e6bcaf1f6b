import { defineCommand } from "citty"
import { deleteUser } from "./users/delete.ts"
import { list } from "./users/list.ts"

export const users = defineCommand({
  meta: {
    name: "cinder users",
    description:
      "Lists the users of a server, and deletes one. That is all an operator can do about them: what they write, to whom and in which groups the server does not know.",
  },
  subCommands: { list, delete: deleteUser },
})
