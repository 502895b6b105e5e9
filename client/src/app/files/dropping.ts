/** Dropping: files and folders that are dragged onto a page. */

import { h } from "../dom";

/** A file, and its path below what was dropped: "plots/a.png". */
export interface Dropped {
  readonly path: string;
  readonly file: File;
}

/** More than so many files are not dropped by purpose. */
export const MOST_DROPPED = 5_000;

/**
 * Takes what is dropped on `target`, which shows that it would.
 *
 * @returns how to stop that.
 */
export function takeDrops(
  target: HTMLElement,
  text: string,
  take: (dropped: Promise<Dropped[]>) => void,
): () => void {
  const veil = h("div", { class: "drop-veil", hidden: true }, h("p", {}, text));
  target.append(veil);
  let depth = 0;
  const carriesFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") ?? false;
  const listeners: [string, (event: DragEvent) => void][] = [
    ["dragenter", (event) => carriesFiles(event) && ((depth += 1), (veil.hidden = false))],
    ["dragleave", (event) => carriesFiles(event) && (depth -= 1) <= 0 && (veil.hidden = true)],
    ["dragover", (event) => carriesFiles(event) && event.preventDefault()],
    [
      "drop",
      (event) => {
        if (!carriesFiles(event) || !event.dataTransfer) return;
        event.preventDefault();
        depth = 0;
        veil.hidden = true;
        take(filesOf(event.dataTransfer));
      },
    ],
  ];
  for (const [name, listener] of listeners) target.addEventListener(name, listener as EventListener);
  return () => {
    veil.remove();
    for (const [name, listener] of listeners) target.removeEventListener(name, listener as EventListener);
  };
}

/** All files, those in folders too. The items must be asked before anything is awaited. */
async function filesOf(data: DataTransfer): Promise<Dropped[]> {
  const entries = [...data.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  if (entries.length === 0) return [...data.files].map((file) => ({ path: file.name, file }));
  const found: Dropped[] = [];
  for (const entry of entries) await gather(entry, "", found);
  return found;
}

async function gather(entry: FileSystemEntry, folder: string, found: Dropped[]): Promise<void> {
  if (found.length >= MOST_DROPPED) return;
  const path = folder ? `${folder}/${entry.name}` : entry.name;
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject),
    );
    found.push({ path, file });
  } else if (entry.isDirectory) {
    const reader = (entry as FileSystemDirectoryEntry).createReader();
    for (;;) {
      const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
        reader.readEntries(resolve, reject),
      );
      if (some.length === 0) return;
      for (const inner of some) await gather(inner, path, found);
    }
  }
}
