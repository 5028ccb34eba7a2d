/**
 * A tree of files as the file server sees it.
 *
 * Owns: the shape. Must not know: where files are. Who makes one answers for it that nothing outside of the tree is found in it.
 */

/** One line of a directory. */
export interface DirectoryEntry {
  readonly name: string;
  readonly isDirectory: boolean;
}

/** A file that is open; whoever gets it closes it, or reads it to the end. */
export interface OpenFile {
  readonly kind: "file";
  readonly size: number;
  /** Milliseconds since 1970; null where it is not known. */
  readonly modifiedMs: number | null;
  /** Bytes `from` to `to - 1`, as they are read; closes the file at its end, or when it is cancelled. */
  read(from: number, to: number): ReadableStream<Uint8Array>;
  close(): void;
}

/** A directory. */
export interface OpenDirectory {
  readonly kind: "directory";
  /** In any order; not more than `most`. Null where they may not be read, or are gone. Rejects as {@link FileTree.find}. */
  entries(most: number): Promise<readonly DirectoryEntry[] | null>;
}

/** See the head of this file. */
export interface FileTree {
  /**
   * What is at a path, given as names from the top down; null where there is nothing to be shown. Rejects where nobody can know now:
   * then the answer is no 404, which would be remembered.
   */
  find(path: readonly string[]): Promise<OpenFile | OpenDirectory | null>;
}
