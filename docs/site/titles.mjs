import { Converter } from "typedoc"

const HEADING = /^# (.+)\n/

/** Pages are named by their heading, and not by their file. */
export function load(app) {
  app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_, document) => {
    const [first] = document.content
    const title = HEADING.exec(first?.text ?? "")?.[1]
    if (title === undefined) throw new Error(`${document.name}.md does not begin with a heading`)
    document.name = title
    first.text = first.text.replace(HEADING, "")
  })
  app.converter.on(Converter.EVENT_RESOLVE_END, ({ project }) => {
    const [first] = project.readme ?? []
    if (first !== undefined) first.text = first.text.replace(HEADING, "")
  })
}
