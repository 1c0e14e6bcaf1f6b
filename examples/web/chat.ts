import { Client, ClientError, type ClientEvent, type Group, indexedDbStore } from "cinder/client"

/** The least of a web client: one conversation, with whoever was chosen or has written last. */

let client: Client
let group: Group | undefined

const byId = <T extends HTMLElement = HTMLElement>(id: string) => document.getElementById(id) as T
const input = (id: string) => byId<HTMLInputElement>(id)

function tell(text: string): void {
  byId("state").textContent = text
}

function show(who: string, text: string): void {
  const item = document.createElement("li")
  item.textContent = `${who}: ${text}`
  byId("messages").append(item)
}

/** Runs what a form asks for, and says what went wrong. */
function onSubmit(id: string, run: () => Promise<void>): void {
  byId(id).addEventListener("submit", async (event) => {
    event.preventDefault()
    tell("…")
    try {
      await run()
      tell("")
    } catch (error) {
      if (!(error instanceof ClientError)) throw error
      tell(error.code)
    }
  })
}

async function handle(event: ClientEvent): Promise<void> {
  if (event.type === "connection-request" && confirm(`${event.from} wants to connect. Accept?`))
    await event.accept()
  if (event.type === "connected") await showPeople()
  if (event.type === "joined") group = client.group(event.group)
  if (event.type === "message") {
    group = client.group(event.group)
    show(event.sender, new TextDecoder().decode(event.bytes))
  }
}

async function showPeople(): Promise<void> {
  const people = (await client.contacts()).map((user) => {
    const button = document.createElement("button")
    button.textContent = `Write to ${user}`
    button.addEventListener("click", () => open(user))
    const item = document.createElement("li")
    item.append(button)
    return item
  })
  byId("people").replaceChildren(...people)
}

/** Goes on in the group of two, or makes one. */
async function open(user: string): Promise<void> {
  const shared = client.groups().find((one) => {
    const members = one.members().map((member) => member.user)
    return members.length === 2 && members.includes(user)
  })
  group = shared ?? (await client.createGroup())
  if (shared === undefined) await group.add(user)
  input("text").focus()
}

onSubmit("start", async () => {
  const url = input("server").value
  client = await Client.create({ url, store: await indexedDbStore("chat"), requestPollMilliseconds: 5_000 })
  byId("start").hidden = true
  byId("me").textContent = client.userId
  client.onEvent(handle)
  await showPeople()
})

onSubmit("ask", async () => client.connect(input("who").value.trim()))

onSubmit("say", async () => {
  const { value } = input("text")
  await group?.send(new TextEncoder().encode(value))
  show("I", value)
  input("text").value = ""
})
