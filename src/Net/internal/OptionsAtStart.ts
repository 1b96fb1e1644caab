/**
 * Options that a socket has from the start: `socketOptions` of `Net.listen`, `Net.connect`, `Udp.bind`, ...
 *
 * They are set on a socket that is nothing yet. Who asks for none pays nothing: there is nothing to do then, rather than
 * something that does nothing.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import { invalidArgument, isSocketError, type SocketError, withDetails } from "../../Errors/index.js"
import type { ProactorHandle } from "../../Proactor/Proactor.js"
import {
  type DatagramOptionName,
  type DatagramSocketOptions,
  isDatagramOptionName,
  isSocketOptionName,
  type SocketOptionName,
  type SocketOptions,
  type StreamSocketOptions
} from "../../Proactor/SocketOption.js"

/** A socket that has options of these names. */
interface Settable<Name extends keyof SocketOptions> {
  readonly setOption: <Each extends Name>(
    name: Each,
    value: SocketOptions[Each]
  ) => Effect.Effect<void, SocketError>
}

/**
 * What is done to a socket before it is anything.
 *
 * @internal
 */
export type Prepare<Name extends keyof SocketOptions = SocketOptionName> = (
  socket: Settable<Name>
) => Effect.Effect<void, SocketError>

type AnyOptions = { readonly [Name in keyof SocketOptions]?: SocketOptions[Name] | undefined }

/** Which option it was, in any case; and what is wrong with it, where that is known. */
const refused = (failure: SocketError, name: string): SocketError => {
  const { advice } = failure
  const said = `the option ${name} was refused`
  return withDetails(failure, { advice: advice === undefined ? said : `${said}: ${advice}` })
}

const setOne = <Name extends keyof SocketOptions>(
  socket: Settable<Name>,
  name: Name,
  value: SocketOptions[Name]
): Effect.Effect<void, SocketError> =>
  Effect.mapError(socket.setOption(name, value), (failure) => refused(failure, name))

/** What sets the options; nothing if there are none; or what is wrong with the record. */
const preparing = <Name extends keyof SocketOptions>(
  operation: string,
  options: AnyOptions | undefined,
  isName: (name: string) => name is Name
): Prepare<Name> | SocketError | undefined => {
  if (options === undefined) return undefined
  // From here on for callers whom no compiler told, too.
  if (!Predicate.isRecord(options)) return invalidArgument(operation, "socketOptions is a record of options")
  const steps: Array<Prepare<Name>> = []
  for (const name of Object.keys(options)) {
    if (!isName(name))
      return invalidArgument(operation, `${JSON.stringify(name)} is no option of this socket`)
    const value: SocketOptions[Name] | undefined = options[name]
    if (value !== undefined) steps.push((socket) => setOne(socket, name, value))
  }
  if (steps.length === 0) return undefined
  return (socket) => Effect.forEach(steps, (step) => step(socket), { discard: true })
}

type Prepared<Name extends keyof SocketOptions> = Effect.Effect<Prepare<Name> | undefined, SocketError>

const nothing: Effect.Effect<undefined> = Effect.succeed(undefined)

const checked = <Name extends keyof SocketOptions>(
  prepare: Prepare<Name> | SocketError | undefined
): Prepared<Name> => {
  if (prepare === undefined) return nothing
  return isSocketError(prepare) ? Effect.fail(prepare) : Effect.succeed(prepare)
}

/**
 * What gives a stream socket these options. Fails with `InvalidArgument` if the record is none, or has others in it;
 * whether a value is one, the socket says.
 *
 * @internal
 */
export const streamOptions = (
  operation: string,
  options: StreamSocketOptions | undefined
): Prepared<SocketOptionName> => checked(preparing(operation, options, isSocketOptionName))

/**
 * The same of a datagram socket.
 *
 * @internal
 */
export const datagramOptions = (
  operation: string,
  options: DatagramSocketOptions | undefined
): Prepared<DatagramOptionName> => checked(preparing(operation, options, isDatagramOptionName))

/**
 * Opens a socket and prepares it; one that cannot be is closed. To be run where nothing can interrupt it.
 *
 * @internal
 */
export const prepared = <
  Name extends keyof SocketOptions,
  Socket extends Settable<Name> & Pick<ProactorHandle<never>, "close">
>(
  open: Effect.Effect<Socket, SocketError>,
  prepare: Prepare<Name> | undefined
): Effect.Effect<Socket, SocketError> => {
  if (prepare === undefined) return open
  return Effect.flatMap(open, (socket) =>
    Effect.as(prepare(socket), socket).pipe(Effect.onError(() => Effect.sync(() => socket.close())))
  )
}
