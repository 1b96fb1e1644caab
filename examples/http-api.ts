/**
 * An HTTP API over completion ports: notes, with schemas, typed errors with their status, a bearer token, and a download
 * as a stream.
 *
 * Nothing here knows of what is below but the two layers at the end, which take the place of those of
 * `@effect/platform-node`; `conversation` and `serving` run over either.
 */
import {
  HttpApi,
  HttpApiBuilder,
  HttpApiClient,
  HttpApiEndpoint,
  HttpApiGroup,
  HttpApiMiddleware,
  HttpApiSchema,
  HttpApiSecurity,
  HttpClientRequest,
  HttpServerResponse,
  HttpClient as PlatformHttpClient,
  HttpServer as PlatformHttpServer
} from "@effect/platform"
import { Console, Context, Effect, Layer, Redacted, Schema, Stream } from "effect"
import { Net } from "effect-iocp"
import * as HttpClient from "effect-iocp/HttpClient"
import * as HttpServer from "effect-iocp/HttpServer"
import { runIfStarted } from "./support/runMain.js"

class Note extends Schema.Class<Note>("Note")({
  id: Schema.Int,
  author: Schema.String,
  title: Schema.NonEmptyTrimmedString,
  text: Schema.String
}) {}

class NoteNotFound extends Schema.TaggedError<NoteNotFound>()(
  "NoteNotFound",
  { id: Schema.Int },
  HttpApiSchema.annotations({ status: 404 })
) {}

class TitleTaken extends Schema.TaggedError<TitleTaken>()(
  "TitleTaken",
  { by: Schema.Int },
  HttpApiSchema.annotations({ status: 409 })
) {}

class Unauthorized extends Schema.TaggedError<Unauthorized>()(
  "Unauthorized",
  {},
  HttpApiSchema.annotations({ status: 401 })
) {}

/** Who asks. */
class User extends Context.Tag("User")<User, string>() {}

class Authorization extends HttpApiMiddleware.Tag<Authorization>()("Authorization", {
  failure: Unauthorized,
  provides: User,
  security: { token: HttpApiSecurity.bearer }
}) {}

const id = HttpApiSchema.param("id", Schema.NumberFromString.pipe(Schema.int()))

/** What everybody may ask for. */
const reading = HttpApiGroup.make("reading")
  .add(
    HttpApiEndpoint.get("list", "/notes")
      .setUrlParams(Schema.Struct({ author: Schema.optional(Schema.String) }))
      .addSuccess(Schema.Array(Note))
  )
  .add(HttpApiEndpoint.get("note")`/notes/${id}`.addSuccess(Note).addError(NoteNotFound))
  .add(
    HttpApiEndpoint.get("download", "/download").addSuccess(
      HttpApiSchema.Text({ contentType: "application/x-ndjson" })
    )
  )

/** What takes a token. */
const desk = HttpApiGroup.make("desk")
  .add(
    HttpApiEndpoint.post("write", "/notes")
      .setPayload(Note.pipe(Schema.pick("title", "text")))
      .addSuccess(Note, { status: 201 })
      .addError(TitleTaken)
  )
  .add(HttpApiEndpoint.del("remove")`/notes/${id}`.addError(NoteNotFound))
  .middleware(Authorization)

class Notes extends HttpApi.make("notes").add(reading).add(desk) {}

/** The notes of one server. */
class Shelf extends Context.Tag("Shelf")<Shelf, Map<number, Note>>() {}

const find = (notes: Map<number, Note>, id: number): Effect.Effect<Note, NoteNotFound> =>
  Effect.fromNullable(notes.get(id)).pipe(Effect.mapError(() => new NoteNotFound({ id })))

const readingLive = HttpApiBuilder.group(Notes, "reading", (handlers) =>
  Effect.map(Shelf, (notes) =>
    handlers
      .handle("list", ({ urlParams: { author } }) =>
        Effect.succeed([...notes.values()].filter((note) => author === undefined || note.author === author))
      )
      .handle("note", ({ path }) => find(notes, path.id))
      .handleRaw("download", () => {
        const lines = Stream.map(Stream.fromIterable(notes.values()), (note) => `${JSON.stringify(note)}\n`)
        return HttpServerResponse.stream(Stream.encodeText(lines), { contentType: "application/x-ndjson" })
      })
  )
)

const deskLive = HttpApiBuilder.group(Notes, "desk", (handlers) =>
  Effect.map(Shelf, (notes) =>
    handlers
      .handle("write", ({ payload: { text, title } }) =>
        Effect.gen(function* () {
          for (const note of notes.values()) {
            if (note.title === title) return yield* new TitleTaken({ by: note.id })
          }
          const note = new Note({ id: Math.max(0, ...notes.keys()) + 1, author: yield* User, title, text })
          notes.set(note.id, note)
          return note
        })
      )
      .handle("remove", ({ path }) =>
        Effect.map(find(notes, path.id), (note) => {
          notes.delete(note.id)
        })
      )
  )
)

/** A token says who somebody is, as long as it ends in a secret: good enough for an example. */
const SECRET = "-sesame"
const authorizationLive = Layer.succeed(Authorization, {
  token: (token) => {
    const value = Redacted.value(token)
    return value.endsWith(SECRET)
      ? Effect.succeed(value.slice(0, -SECRET.length))
      : Effect.fail(new Unauthorized())
  }
})

const api = HttpApiBuilder.api(Notes).pipe(
  Layer.provide([readingLive, deskLive]),
  Layer.provide(authorizationLive),
  Layer.provide(Layer.sync(Shelf, () => new Map()))
)

/** The API on whatever HTTP server is given to it. */
export const serving = HttpApiBuilder.serve().pipe(Layer.provide(api))

const ask = Effect.gen(function* () {
  const baseUrl = yield* PlatformHttpServer.addressFormattedWith(Effect.succeed)
  const asAda = PlatformHttpClient.mapRequest(HttpClientRequest.bearerToken(`Ada${SECRET}`))
  const stranger = yield* HttpApiClient.make(Notes, { baseUrl })
  const ada = yield* HttpApiClient.make(Notes, { baseUrl, transformClient: asAda })
  const note = yield* ada.desk.write({
    payload: { title: "engine", text: "It weaves algebraical patterns." }
  })
  yield* Console.log(`${note.id}: ${note.title}, by ${note.author}`)
  const taken = yield* Effect.flip(ada.desk.write({ payload: { title: "engine", text: "again" } }))
  yield* Console.log(`the same title again: ${taken._tag}`)
  const refused = yield* Effect.flip(stranger.desk.remove({ path: { id: note.id } }))
  yield* Console.log(`a stranger removes it: ${refused._tag}`)
  const { length } = yield* stranger.reading.list({ urlParams: { author: "Ada" } })
  yield* Console.log(`notes of Ada's: ${length}`)
  yield* Console.log(`all: ${(yield* stranger.reading.download()).trim()}`)
  yield* ada.desk.remove({ path: { id: note.id } })
  const missing = yield* Effect.flip(stranger.reading.note({ path: { id: note.id } }))
  yield* Console.log(`once it is removed: ${missing._tag}`)
})

/** Starts the server, asks it all there is to ask, and stops it. */
export const conversation = <E, R>(
  layers: Layer.Layer<Layer.Layer.Context<typeof serving> | PlatformHttpClient.HttpClient, E, R>
) => Effect.provide(ask, Layer.provideMerge(serving, layers))

export const program = conversation(
  Layer.merge(HttpServer.layer({ host: "127.0.0.1", port: 0 }), HttpClient.layer)
).pipe(Effect.provide(Net.layer))

runIfStarted(import.meta, program)
