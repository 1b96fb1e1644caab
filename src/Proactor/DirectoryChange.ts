/**
 * What happens in a directory, in the same words on every system.
 *
 * @since 0.1.0
 */

/**
 * Something that happened in a directory, to the entry of that name.
 *
 * `renamedFrom` and `renamedTo` are the two sides of a renaming, and carry the same `cookie`; where a name left the directory,
 * or came into it, there is only the one side. The two come one after the other unless others rename at the same time. A name
 * that is not UTF-8 (Linux) or UTF-16 (Windows) has replacement characters. `overflow`: more happened than the system could
 * keep, and some of it is lost: look at the directory itself.
 *
 * @since 0.1.0
 * @category models
 */
export type DirectoryChange =
  | {
      readonly kind: "created" | "removed" | "modified"
      /** Relative to the directory. */
      readonly name: string
    }
  | {
      readonly kind: "renamedFrom" | "renamedTo"
      /** Relative to the directory. */
      readonly name: string
      /**
       * What the two sides of a renaming have in common: a whole number, 1 to 2^32 - 1, another one for the next renaming, until
       * they begin again. On Linux that of inotify(7), which is the same in every directory that is watched. On Windows it is
       * made up here, and says nothing beside another watch's.
       */
      readonly cookie: number
    }
  | { readonly kind: "overflow" }

/** @internal */
export type NamedKind = Exclude<DirectoryChange["kind"], "overflow">

/**
 * A change that has a name; with the cookie, if it is the side of a renaming.
 *
 * @internal
 */
export const namedChange = (kind: NamedKind, name: string, cookie: number): DirectoryChange =>
  kind === "renamedFrom" || kind === "renamedTo" ? { kind, name, cookie } : { kind, name }
