// @ts-check
/** Where things are, and how to read the project's own JSON files. */
import { readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

/** The project's root folder. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** @param {...string} parts */
export const inRoot = (...parts) => join(root, ...parts)

/** A lane's own folder, ignored by git. @param {string} lane */
export const laneFolder = (lane) => inRoot(".lanes", lane)

/**
 * @param {string} path
 * @returns {any} The parsed file; the caller knows its shape
 */
export const readJson = (path) => JSON.parse(readFileSync(path, "utf8"))
