// The clipboard, where the browser lets a page have it.

import { announce, askText } from "./notice";
import { tr } from "./words";

export async function copyText(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    throw new Error(tr("this browser does not let a page copy; mark the text and copy it"));
  }
  announce(tr("Copied."));
}

/** What is in the clipboard; where that may not be read, the reader pastes it into a field. */
export async function clipboardText(): Promise<string | null> {
  try {
    return await navigator.clipboard.readText();
  } catch {
    return askText(tr("Paste"), tr("Paste here what is to be typed:"), tr("Type it"));
  }
}
