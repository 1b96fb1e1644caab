/**
 * Files and directories.
 *
 * @since 0.1.0
 */
export * as Directory from "./Directory.js"
export * from "./File.js"
