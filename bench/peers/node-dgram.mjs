// @ts-check
/**
 * node:dgram, as a good user of it writes an echo: every datagram goes back from the "message" event, without a callback,
 * which would cost an object and a call for each. An error of a send is passed over, as it must be in a server.
 */
import { createSocket } from "node:dgram"
import { endWithRunner } from "./endWithRunner.mjs"
import { host, readArguments, serverOf, tellListening } from "./protocol.mjs"

const { mode, port } = readArguments()

const serve = () => {
  const socket = createSocket("udp4")
  socket.on("message", (bytes, sender) => socket.send(bytes, sender.port, sender.address))
  socket.on("error", () => {})
  socket.bind(port, host, () => tellListening(socket.address().port))
}

endWithRunner()
serverOf({ udp: serve }, mode)()
